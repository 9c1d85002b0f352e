#include "vgpu/callouts.hpp"

#include <nlohmann/json.hpp>

#include "vgpu/definitions_fixture.hpp"
#include "vgpu/vgpu_define.hpp"

namespace vgpukit::vgpu {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class CalloutsTest : public DefinitionsTest {
 protected:
  [[nodiscard]] VgpuTools with_scripts() {
    auto all = tools();
    all.run = [this](const Command& command) -> Result<Outcome> {
      const auto& argv = command.argv;
      const auto script = argv.front().substr(argv.front().rfind('/') + 1);
      // "a pre start none"
      auto call = script;
      call += " " + argv.at(4) + " " + argv.at(6) + " " + argv.at(8);
      if (argv.at(4) == "get") {
        Outcome outcome;
        outcome.status = versioned == script ? 0 : 2;
        if (versioned == script)
          outcome.out = R"({"supports":{"version":2,"actions":["start","stop"],"events":["pre","post","notify"]}})";
        return outcome;
      }
      calls.push_back(call);
      commands.push_back(command);
      if (const auto found = answers.find(script + " " + argv.at(4)); found != answers.end()) return found->second;
      return Outcome{};
    };
    return all;
  }
  void script(const std::string& path) const { fake.file(path, "#!/bin/sh\n"); }
  static Outcome status(int number, const std::string& words = "") {
    Outcome outcome;
    outcome.status = number;
    outcome.err = words;
    return outcome;
  }

  std::map<std::string, Outcome> answers;
  std::string versioned;  // the script that knows versions
  std::vector<std::string> calls;
  std::vector<Command> commands;
};

constexpr const char* own = "usr/lib/mdevctl/scripts.d/callouts/";
constexpr const char* admin = "etc/mdevctl.d/scripts.d/callouts/";
constexpr const char* notifiers = "etc/mdevctl.d/scripts.d/notifiers/";

TEST_F(CalloutsTest, AScriptIsCalledBeforeAndAfterAndThenTheNotifiers) {
  fake.p4();
  script(std::string(admin) + "b");
  script(std::string(own) + "a");
  script(std::string(notifiers) + "n");
  ASSERT_TRUE(create_vgpu(with_scripts(), {"P4-1Q", "", test::uuid_a, true}));
  EXPECT_THAT(calls, ElementsAre("a pre start none", "a post start success", "n notify start success"));
  EXPECT_THAT(commands.front().argv,
              ElementsAre("/usr/lib/mdevctl/scripts.d/callouts/a", "-t", "nvidia-63", "-e", "pre", "-a", "start", "-s",
                          "none", "-u", test::uuid_a, "-p", "0000:65:00.0"));
  const auto input = nlohmann::json::parse(commands.front().input);
  EXPECT_EQ(input.at("mdev_type"), "nvidia-63");
  EXPECT_EQ(input.at("start"), "manual");
  calls.clear();
  ASSERT_TRUE(remove_vgpu(with_scripts(), test::uuid_a));
  EXPECT_THAT(calls, ElementsAre("a pre stop none", "a post stop success", "n notify stop success"));
}

TEST_F(CalloutsTest, AVetoChangesNothing) {
  fake.p4();
  script(std::string(admin) + "a");
  script(std::string(notifiers) + "n");
  answers["a pre"] = status(1, "not on this host\n");
  const auto made = create_vgpu(with_scripts(), {"P4-1Q", "", "", true});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().kind, ErrorKind::failed);
  EXPECT_THAT(made.error().why, HasSubstr("callouts/a ended with status 1; it said: not on this host"));
  EXPECT_THAT(driver.writes, IsEmpty());
  EXPECT_THAT(calls, ElementsAre("a pre start none", "n notify start none"));
}

TEST_F(CalloutsTest, TheFirstScriptForTheTypeIsUsed) {
  fake.p4();
  for (const auto* name : {"a", "b", "c"}) script(std::string(admin) + name);
  answers["a pre"] = status(2);
  ASSERT_TRUE(create_vgpu(with_scripts(), {"P4-1Q", "", "", true}));
  EXPECT_THAT(calls, ElementsAre("a pre start none", "b pre start none", "b post start success"));
  calls.clear();
  versioned = "c";
  ASSERT_TRUE(create_vgpu(with_scripts(), {"P4-1Q", "", "", true}));
  EXPECT_THAT(calls, ElementsAre("c pre start none", "c post start success"));
}

TEST_F(CalloutsTest, AScriptThatHangsIsTold) {
  fake.p4();
  script(std::string(admin) + "a");
  answers["a pre"].timed_out = true;
  const auto made = create_vgpu(with_scripts(), {"P4-1Q", "", "", true});
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().why, HasSubstr("did not end within 60 s and was stopped"));
  EXPECT_EQ(commands.front().deadline, std::chrono::seconds(60));
}

TEST_F(CalloutsTest, AFailureOfTheDriverIsToldToTheScripts) {
  fake.p4();
  script(std::string(admin) + "a");
  script(std::string(notifiers) + "n");
  driver.fail = {{"/create", EIO}};
  EXPECT_FALSE(create_vgpu(with_scripts(), {"P4-1Q", "", "", true}));
  EXPECT_THAT(calls, ElementsAre("a pre start none", "a post start failure", "n notify start failure"));
}

TEST_F(CalloutsTest, DefineAndUndefineToo) {
  fake.p4();
  script(std::string(admin) + "a");
  answers["a pre"] = status(1);
  EXPECT_FALSE(define_vgpu(with_scripts(), {"P4-1Q", "", test::uuid_a, true}));
  EXPECT_FALSE(fake.has("etc/mdevctl.d/0000:65:00.0/" + test::uuid_a));
  answers.clear();
  calls.clear();
  ASSERT_TRUE(define_vgpu(with_scripts(), {"P4-1Q", "", test::uuid_a, true}));
  ASSERT_TRUE(undefine_vgpu(with_scripts(), test::uuid_a, ""));
  EXPECT_THAT(calls, ElementsAre("a pre define none", "a post define success", "a pre undefine none",
                                 "a post undefine success"));
}

TEST_F(CalloutsTest, ApplyReportsTheVetoOfOneCard) {
  fake.p4();
  script(std::string(admin) + "a");
  fake.file("etc/mdevctl.d/0000:65:00.0/" + test::uuid_a, R"({"mdev_type":"nvidia-63","start":"auto"})");
  answers["a pre"] = status(1, "no");
  const auto applied = apply_vgpus(with_scripts(), {});
  ASSERT_TRUE(applied);
  EXPECT_FALSE(applied->complete());
  EXPECT_THAT(applied->outcomes.at(0).error->why, HasSubstr("it said: no"));
  EXPECT_EQ(nlohmann::json::parse(commands.front().input).at("start"), "auto");
}

TEST_F(CalloutsTest, VirtualFunctionsHaveNoScripts) {
  fake.l40(2);
  script(std::string(admin) + "a");
  ASSERT_TRUE(create_vgpu(with_scripts(), {"L40-1Q", "", "", true}));
  EXPECT_THAT(calls, IsEmpty());
}

}  // namespace
}  // namespace vgpukit::vgpu
