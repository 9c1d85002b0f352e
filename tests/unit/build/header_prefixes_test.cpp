#include "build/header_prefixes.hpp"

#include <gtest/gtest.h>

#include <map>

namespace vgpukit::build {
namespace {

class HeaderPrefixes : public ::testing::Test {
 protected:
  HeaderPrefixes() {
    std::string many;
    for (int i = 0; i < 20; ++i) many += "#include <linux/h" + std::to_string(i) + ".h>\n";
    files_["common/inc/nv-linux.h"] = guarded("NV_LINUX_H", many + "struct nv { int a; };\n");
    files_["common/inc/os-interface.h"] = guarded("OS_H", "typedef int os_t;\n");
  }

  static std::string guarded(const std::string& guard, const std::string& text) {
    return "/* licence */\n#ifndef _" + guard + "_\n#define _" + guard + "_\n" + text + "#endif /* _" + guard +
           "_ */\n";
  }
  void sources(int count, const std::string& text) {
    for (int i = 0; i < count; ++i) {
      sources_.push_back("nvidia/s" + std::to_string(sources_.size()) + ".c");
      files_[sources_.back()] = text;
    }
  }
  std::vector<HeaderPrefix> prefixes() {
    return header_prefixes(sources_, {[&](const std::string& path) -> std::optional<std::string> {
                                        const auto found = files_.find(path);
                                        return found == files_.end() ? std::nullopt : std::optional(found->second);
                                      },
                                      [&](const std::string& name) { return name.starts_with("linux/"); }});
  }
  // The text of the only prefix.
  std::string text() {
    const auto found = prefixes();
    return found.size() == 1 ? found[0].text : std::to_string(found.size()) + " prefixes";
  }

  std::map<std::string, std::string> files_;
  std::vector<std::string> sources_;
};

TEST_F(HeaderPrefixes, FilesThatBeginTheSameShareOne) {
  sources(5,
          "/* a file */\n#define  __NO_VERSION__\n#include \"os-interface.h\"  // first\n#include \"nv-linux.h\"\nint "
          "f(void);\n");
  sources(1, "#include \"nv-linux.h\"\n");
  const auto found = prefixes();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].text, "#include \"os-interface.h\"\n#include \"nv-linux.h\"\n");
  ASSERT_EQ(found[0].files.size(), 5U);
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(found[0].files[i].path, sources_[i]);
    EXPECT_TRUE(found[0].files[i].moves.empty());
  }
}

TEST_F(HeaderPrefixes, AMacroTellsFilesApartWhereAHeaderOfTheDriversMentionsIt) {
  sources(2, "#define __NO_VERSION__\n#include \"os-interface.h\"\n#include \"nv-linux.h\"\n");
  sources(1, "#define ONE\n#include \"os-interface.h\"\n#define TWO\n#include \"nv-linux.h\"\n");
  sources(2, "#include \"os-interface.h\"\n#include \"nv-linux.h\"\n");
  const auto found = prefixes();
  ASSERT_EQ(found.size(), 1U);
  ASSERT_EQ(found[0].files.size(), 5U);
  EXPECT_EQ(found[0].files[0].macros, std::vector<std::string>{"__NO_VERSION__"});
  EXPECT_EQ(found[0].files[2].macros, (std::vector<std::string>{"ONE", "TWO"}));
  EXPECT_TRUE(found[0].files[4].macros.empty());

  files_["common/inc/os-interface.h"] =
      guarded("OS_H", "int THREE_TWO, __NO_VERSION__x;\n#ifdef __NO_VERSION__\n#endif\n");
  sources(4, "#define __NO_VERSION__\n#include \"os-interface.h\"\n#include \"nv-linux.h\"\n");
  const auto apart = prefixes();
  ASSERT_EQ(apart.size(), 1U);
  EXPECT_EQ(apart[0].text, "#define __NO_VERSION__\n#include \"os-interface.h\"\n#include \"nv-linux.h\"\n");
  EXPECT_EQ(apart[0].files.size(), 6U);
  EXPECT_TRUE(apart[0].files[0].macros.empty());
}

TEST_F(HeaderPrefixes, TooFewFilesOrHeadersAreNotWorthOne) {
  sources(3, "#include \"nv-linux.h\"\nint f(void);\n");
  EXPECT_TRUE(prefixes().empty());
  sources_.clear();
  sources(50, "#include \"os-interface.h\"\n#include <linux/mm.h>\nint f(void);\n");
  EXPECT_TRUE(prefixes().empty());
}

// Two files begin with different headers, which begin with the same header.
TEST_F(HeaderPrefixes, IncludesAreFollowedToTheFirstText) {
  files_["nvidia/a.h"] = guarded("A", "#include \"nv-linux.h\"\nint a;\n");
  files_["nvidia/b.h"] = guarded("B", "#include \"nv-linux.h\"\nint b;\n#include \"os-interface.h\"\n");
  sources(3, "#include \"a.h\"\nint f(void);\n");
  sources(3, "#include \"b.h\"\nint f(void);\n");
  files_["common/inc/c.h"] = guarded("C", "#include <linux/first.h>\n#include \"os-interface.h\"\n#include \"b.h\"\n");
  sources(1, "#include \"os-interface.h\"\n#include \"c.h\"\nint f(void);\n");
  const auto found = prefixes();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].text, "#include \"nv-linux.h\"\n");
  ASSERT_EQ(found[0].files.size(), 6U) << "the last one begins with other headers";
  // Without the prefix, the compiler reads a.h before nv-linux.h.
  for (std::size_t i = 0; i < 6; ++i) {
    ASSERT_EQ(found[0].files[i].moves.size(), 1U);
    EXPECT_EQ(found[0].files[i].moves[0].header, i < 3 ? "nvidia/a.h" : "nvidia/b.h");
    EXPECT_EQ(found[0].files[i].moves[0].before, "common/inc/nv-linux.h");
  }
}

TEST_F(HeaderPrefixes, WhatComesAfterATextIsNoBeginning) {
  sources(6, "struct before;\n#include \"nv-linux.h\"\n");
  sources(6, "#define NAME 1\n#include \"nv-linux.h\"\n");
  sources(6, "#define NAME(x)\n#include \"nv-linux.h\"\n");
  sources(6, "#if defined(CONFIG_X)\n#include \"nv-linux.h\"\n#endif\n");
  sources(6, "#undef NAME\n#include \"nv-linux.h\"\n");
  sources(6, "#pragma pack(1)\n#include \"nv-linux.h\"\n");
  sources(6, "_Pragma(\"x\")\n#include \"nv-linux.h\"\n");
  sources(6, "/* a comment */ int x; // and more\n#include \"nv-linux.h\"\n");
  EXPECT_TRUE(prefixes().empty()) << text();
}

TEST_F(HeaderPrefixes, AHeaderThatMayNotBeIncludedTwiceEndsIt) {
  files_["common/inc/list.h"] = "X(1)\nX(2)\n";
  files_["common/inc/half.h"] = "#ifndef HALF\n#define HALF\n#else\nint again;\n#endif\n";
  files_["common/inc/after.h"] = guarded("AFTER", "int x;\n") + "int y;\n";
  files_["common/inc/forgets.h"] = guarded("FORGETS", "#undef _FORGETS_\n");
  for (const char* name : {"list.h", "half.h", "after.h", "forgets.h"}) {
    sources_.clear();
    sources(6, "#include \"" + std::string(name) + "\"\n#include \"nv-linux.h\"\n");
    EXPECT_TRUE(prefixes().empty()) << name;
  }
}

TEST_F(HeaderPrefixes, ANameThatCouldMeanTwoFilesEndsIt) {
  files_["nvidia/nv-linux.h"] = files_["common/inc/nv-linux.h"];
  sources(6, "#include \"nv-linux.h\"\n");
  EXPECT_TRUE(prefixes().empty());
}

// gcc would list own.h twice among the dependencies, which are hashed into the module's srcversion.
TEST_F(HeaderPrefixes, AHeaderOfTheModuleThatIsFoundInTwoWaysEndsIt) {
  files_["nvidia/own.h"] = guarded("OWN", "int own;\n");
  files_["common/inc/shared.h"] = guarded("SHARED", "#include \"own.h\"\n");
  sources(6, "#include \"nv-linux.h\"\n#include \"own.h\"\n");
  EXPECT_EQ(prefixes().size(), 1U);
  sources_.clear();
  sources(6, "#include \"nv-linux.h\"\n#include \"own.h\"\nint f(void);\n#include \"shared.h\"\n");
  EXPECT_TRUE(prefixes().empty());
}

TEST_F(HeaderPrefixes, AHeaderThatTheKernelLacksEndsIt) {
  sources(6, "#include <acpi/none.h>\n#include \"nv-linux.h\"\n");
  EXPECT_TRUE(prefixes().empty());
}

// Without nv.h, timer.h would read nv.h first, which then includes it after its own beginning: in another order than in
// every C file.
TEST_F(HeaderPrefixes, HeadersThatIncludeEachOtherAreTakenTogether) {
  files_["common/inc/nv.h"] = guarded("NV", "#include \"nv-linux.h\"\n#include \"timer.h\"\nint nv;\n");
  files_["common/inc/timer.h"] = guarded("TIMER", "int timer;\n#include \"nv.h\"\n");
  sources(5, "#include \"nv.h\"\nint f(void);\n");
  EXPECT_EQ(text(), "#include \"nv.h\"\n");
}

TEST_F(HeaderPrefixes, WhatLooksLikeADirectiveInACommentOrStringIsNone) {
  sources(5, "/*\n#include \"none.h\"\n*/\n// \\\n#include \"none.h\"\n#include \\\n  \"nv-linux.h\"\nint f(void);\n");
  EXPECT_EQ(text(), "#include \"nv-linux.h\"\n");
}

TEST_F(HeaderPrefixes, BadInputEndsQuietly) {
  for (const char* bad : {"", "/*", "//", "//\\", "\"", "#", "#include", "#include \"", "#include <>", "\\", "'\\"}) {
    sources_.clear();
    sources(6, bad);
    EXPECT_TRUE(prefixes().empty()) << bad;
  }
  EXPECT_TRUE(header_prefixes({}, {}).empty());
  EXPECT_TRUE(header_prefixes({"nvidia/gone.c"}, {[](const std::string&) { return std::nullopt; }, {}}).empty());
}

}  // namespace
}  // namespace vgpukit::build
