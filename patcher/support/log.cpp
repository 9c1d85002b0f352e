#include "support/log.hpp"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <cstdlib>
#include <memory>

#include "support/text.hpp"

namespace vgpukit::log {

namespace {

// The prefix of a message: "error: ", "warning: ", "debug: ", or none for information.
class Prefix : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& out) override {
    const std::string_view text = word(message.level);
    out.append(text.data(), text.data() + text.size());
  }
  [[nodiscard]] std::unique_ptr<spdlog::custom_flag_formatter> clone() const override {
    return spdlog::details::make_unique<Prefix>();
  }

 private:
  static std::string_view word(spdlog::level::level_enum level) {
    switch (level) {
      case spdlog::level::critical:
      case spdlog::level::err:
        return "error: ";
      case spdlog::level::warn:
        return "warning: ";
      case spdlog::level::debug:
      case spdlog::level::trace:
        return "debug: ";
      default:
        return "";
    }
  }
};

spdlog::level::level_enum level_of(int verbosity) {
  if (verbosity <= -2) return spdlog::level::err;
  if (verbosity == -1) return spdlog::level::warn;
  if (verbosity == 0) return spdlog::level::info;
  return verbosity == 1 ? spdlog::level::debug : spdlog::level::trace;
}

spdlog::color_mode mode_of(Color color) {
  if (color == Color::always) return spdlog::color_mode::always;
  const char* no_color = std::getenv("NO_COLOR");  // https://no-color.org
  if (color == Color::never || (no_color && *no_color)) return spdlog::color_mode::never;
  return spdlog::color_mode::automatic;
}

void say(spdlog::level::level_enum level, std::string_view text) {
  static const bool ready = [] {
    if (spdlog::get("vgpukit")) return true;
    setup(0, Color::automatic);
    return true;
  }();
  static_cast<void>(ready);
  const auto safe = terminal_text(text, /*styled=*/false);
  spdlog::log(level, spdlog::string_view_t(safe.data(), safe.size()));
}

}  // namespace

void setup(int verbosity, Color color) {
  auto sink = std::make_shared<spdlog::sinks::stderr_color_sink_mt>(mode_of(color));
  auto logger = std::make_shared<spdlog::logger>("vgpukit", std::move(sink));
  auto formatter = std::make_unique<spdlog::pattern_formatter>();
  formatter->add_flag<Prefix>('*').set_pattern("%^%*%$%v");
  logger->set_formatter(std::move(formatter));
  logger->set_level(level_of(verbosity));
  spdlog::set_default_logger(std::move(logger));
}

void error(std::string_view text) {
  say(spdlog::level::err, text);
}
void warning(std::string_view text) {
  say(spdlog::level::warn, text);
}
void info(std::string_view text) {
  say(spdlog::level::info, text);
}
void debug(std::string_view text) {
  say(spdlog::level::debug, text);
}
void trace(std::string_view text) {
  say(spdlog::level::trace, text);
}

}  // namespace vgpukit::log
