// Runs fuzzers:
//
//   fuzz [--seconds N] [--start N] TARGET   changes the target's seeds at random, the same way for the same N
//   fuzz TARGET FILE...                     runs the target on these inputs
//   fuzz --list
//
// The input that is running is in fuzz-TARGET.input, in the current folder: it stays after a crash. An input may use
// 20 seconds of the processor and 2 GB. Built with clang (-DVGPUKIT_FUZZ=ON), libFuzzer chooses the inputs instead, by
// what they reach in the code: `fuzz --libfuzzer TARGET [its options] [FOLDER that keeps what was found]`.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <random>
#include <set>

#include "fuzz.hpp"
#include "support/text.hpp"

#ifdef VGPUKIT_LIBFUZZER
extern "C" int LLVMFuzzerRunDriver(int* argc, char*** argv, int (*run)(const std::uint8_t* data, std::size_t size));
#endif

#if defined(__SANITIZE_ADDRESS__)
#define VGPUKIT_HAS_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define VGPUKIT_HAS_ASAN 1
#endif
#endif
#ifdef VGPUKIT_HAS_ASAN
extern "C" const char* __asan_default_options() {
  return "hard_rss_limit_mb=2048";
}
#endif

namespace vgpukit::fuzz {

namespace {

const Target* const targets[] = {&lexer,   &xml,        &yaml,     &archive,      &installer, &state,
                                 &diff,    &log,        &conftest, &boot,         &module,    &rom,
                                 &recipes, &transforms, &programs, &driver_folder};

// Removes scratch() when the run ends without a crash.
struct Scratch {
  Scratch() {
    std::string name = fs::exists("/dev/shm") ? "/dev/shm/vgpukit-fuzz-XXXXXX" : "/tmp/vgpukit-fuzz-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    folder = name;
  }
  ~Scratch() {
    std::error_code ignored;
    fs::remove_all(folder, ignored);
  }
  fs::path folder;
};

// The words of the seeds, and what often has a meaning of its own.
std::vector<std::string> dictionary(const std::vector<std::string>& seeds) {
  std::set<std::string> words;
  for (const auto& seed : seeds) {
    for (std::size_t i = 0; i < seed.size() && words.size() < 4000;) {
      std::size_t end = i;
      while (end < seed.size() && std::isalnum(static_cast<unsigned char>(seed[end])) != 0) ++end;
      end = std::max(end, i + 1);
      words.insert(seed.substr(i, end - i));
      i = end;
    }
  }
  const auto* const more =
      "0 -1 255 65536 4294967295 2147483648 18446744073709551615 99999999999999999999 1e999 ../ / .. \\ \" ' $( ${ ` "
      "<!-- --> <![CDATA[ ]]> &amp; /> </ &a *a { } [ ] # @@ %s \xff \xc3\x28 \x1b[";
  for (const auto word : words_of(more)) words.emplace(word);
  for (const auto* word : {"- ", ": ", "\n", "\r\n", "\t"}) words.emplace(word);
  words.emplace(1, '\0');
  return {words.begin(), words.end()};
}

class Mutator {
 public:
  Mutator(std::vector<std::string> seeds, std::uint64_t start)
      : random_(start), pool_(std::move(seeds)), originals_(pool_.size()), words_(dictionary(pool_)) {}

  std::string next() {
    std::string text = pool_[below(pool_.size())];
    for (auto changes = 1 + below(6); changes > 0; --changes) change(text);
    if (text.size() > most) text.resize(most);
    // Some results are changed further.
    if (below(40) == 0) {
      if (pool_.size() < originals_ + 500)
        pool_.push_back(text);
      else
        pool_[originals_ + below(pool_.size() - originals_)] = text;
    }
    return text;
  }

 private:
  static constexpr std::size_t most = 1U << 16;

  std::size_t below(std::size_t limit) { return limit == 0 ? 0 : random_() % limit; }

  struct Range {
    std::size_t at, size;
  };
  // Some bytes, or some lines.
  Range range(const std::string& text) {
    const auto at = below(text.size() + 1);
    if (below(2) == 0) return {at, below(std::min<std::size_t>(text.size() - at, below(8) == 0 ? 4096 : 24) + 1)};
    const auto before = at == 0 ? std::string::npos : text.rfind('\n', at - 1);
    const auto begin = before == std::string::npos ? 0 : before + 1;
    auto end = begin;
    for (auto lines = 1 + below(4); lines > 0 && end < text.size(); --lines)
      end = std::min(text.find('\n', end), text.size() - 1) + 1;
    return {begin, end - begin};
  }

  void change(std::string& text) {
    const auto at = below(text.size());
    switch (below(10)) {
      case 0:
        if (!text.empty()) text[at] = static_cast<char>(text[at] ^ (1 << below(8)));
        break;
      case 1:
        if (!text.empty()) text[at] = static_cast<char>(below(256));
        break;
      case 2: {
        const auto gone = range(text);
        text.erase(gone.at, gone.size);
        break;
      }
      case 3: {
        const auto twice = range(text);
        const auto copy = text.substr(twice.at, twice.size);
        const auto place = below(text.size() + 1);
        for (auto times = below(20) == 0 ? below(200) : 1; times > 0 && text.size() < most; --times)
          text.insert(place, copy);
        break;
      }
      case 4:
      case 5:
        text.insert(at, words_[below(words_.size())]);
        break;
      case 6: {
        const auto& other = pool_[below(pool_.size())];
        const auto piece = range(other);
        text.insert(at, other, piece.at, piece.size);
        break;
      }
      case 7: {
        const auto place = range(text);
        text.replace(place.at, std::min<std::size_t>(place.size, 12), words_[below(words_.size())]);
        break;
      }
      case 8: {
        const std::uint64_t numbers[] = {0, 1, 0x7f, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0xffffffff, ~0ULL, below(~0UL)};
        const auto number = numbers[below(std::size(numbers))];
        const std::size_t size = 1U << below(4);
        if (text.size() >= size) std::memcpy(text.data() + below(text.size() - size + 1), &number, size);
        break;
      }
      default:
        if (!text.empty() && below(4) == 0) text.resize(at);
        break;
    }
  }

  std::mt19937_64 random_;
  std::vector<std::string> pool_;
  std::size_t originals_;
  std::vector<std::string> words_;
};

int change_seeds(const Target& target, unsigned seconds, std::uint64_t start) {
  const fs::path running = std::string("fuzz-") + target.name + ".input";
  const int fd = ::open(running.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) {
    std::perror(running.c_str());
    return 1;
  }
  auto seeds = target.seeds();
  const auto run = [&](const std::string& input) {
    if (::pwrite(fd, input.data(), input.size(), 0) < 0 || ::ftruncate(fd, static_cast<off_t>(input.size())) != 0)
      std::perror(running.c_str());
    const itimerval limit = {{0, 0}, {20, 0}};
    ::setitimer(ITIMER_PROF, &limit, nullptr);
    target.run(input);
  };
  for (const auto& seed : seeds) run(seed);
  Mutator mutator(std::move(seeds), start);
  std::size_t inputs = 0;
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  for (; std::chrono::steady_clock::now() < end; ++inputs) run(mutator.next());
  std::printf("%s: %zu inputs in %u s\n", target.name, inputs, seconds);
  ::close(fd);
  fs::remove(running);
  return 0;
}

const Target* running_target = nullptr;

int main(std::vector<std::string> words) {
  unsigned seconds = 10;
  std::uint64_t start = 1;
  bool libfuzzer = false;
  while (!words.empty() && words[0].starts_with("--")) {
    const auto option = words[0];
    words.erase(words.begin());
    if (option == "--list") {
      for (const auto* target : targets) std::puts(target->name);
      return 0;
    }
    if (option == "--libfuzzer") {
      libfuzzer = true;
    } else if ((option == "--seconds" || option == "--start") && !words.empty()) {
      if (option == "--start")
        start = std::strtoull(words[0].c_str(), nullptr, 10);
      else
        seconds = static_cast<unsigned>(std::strtoul(words[0].c_str(), nullptr, 10));
      words.erase(words.begin());
    } else {
      return 2;
    }
  }
  for (const auto* target : targets)
    if (!words.empty() && words[0] == target->name) running_target = target;
  if (running_target == nullptr) {
    std::fprintf(stderr, "name one of these: fuzz --list\n");
    return 2;
  }
  words.erase(words.begin());
  if (libfuzzer) {
#ifdef VGPUKIT_LIBFUZZER
    const auto corpus = scratch() / "seeds";
    fs::create_directory(corpus);
    std::size_t number = 0;
    const auto seeds = running_target->seeds();
    for (const auto& seed : seeds) std::ofstream(corpus / std::to_string(number++), std::ios::binary) << seed;
    const auto dict = scratch() / "dictionary";
    std::ofstream out(dict);
    for (const auto& word : dictionary(seeds)) {
      out << '"';
      for (const auto byte : word) out << fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
      out << "\"\n";
    }
    out.close();
    words.insert(words.begin(), {"fuzz", "-dict=" + dict.string()});
    words.push_back(corpus);
    std::vector<char*> pointers;
    for (auto& word : words) pointers.push_back(word.data());
    int count = static_cast<int>(pointers.size());
    pointers.push_back(nullptr);
    char** all = pointers.data();
    return LLVMFuzzerRunDriver(&count, &all, [](const std::uint8_t* data, std::size_t size) {
      running_target->run(std::string(reinterpret_cast<const char*>(data), size));
      return 0;
    });
#else
    std::fprintf(stderr, "this was built without libFuzzer: configure with clang and -DVGPUKIT_FUZZ=ON\n");
    return 2;
#endif
  }
  for (const auto& file : words) running_target->run(bytes_of(file));
  return words.empty() ? change_seeds(*running_target, seconds, start) : 0;
}

}  // namespace

std::string bytes_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<std::string> texts_of(const char* folder, std::string_view ending) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(fs::path(VGPUKIT_SOURCE_DIR) / folder))
    if (entry.is_regular_file() && entry.path().string().ends_with(ending)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  std::vector<std::string> texts;
  for (const auto& file : files) texts.push_back(bytes_of(file).substr(0, 6'000));
  require(!texts.empty());
  return texts;
}

Texts texts_in(std::string_view input) {
  Texts texts;
  std::string* last = nullptr;
  for (const auto& line : split(input, '\n')) {
    if (line.starts_with("==> ")) {
      last = &texts[line.substr(4)];
    } else if (last != nullptr) {
      *last += line;
      *last += '\n';
    }
  }
  return texts;
}

std::string text_of(const Texts& files) {
  std::string all;
  for (const auto& [path, text] : files) all += "==> " + path + "\n" + text;
  return all;
}

const fs::path& scratch() {
  static const Scratch made;
  return made.folder;
}

void write_scratch(const fs::path& name, std::string_view bytes) {
  const auto file = scratch() / name;
  std::error_code bad;
  fs::create_directories(file.parent_path(), bad);
  std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
}

}  // namespace vgpukit::fuzz

int main(int argc, char** argv) {
  return vgpukit::fuzz::main({argv + 1, argv + argc});
}
