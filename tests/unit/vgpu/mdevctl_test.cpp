#include "vgpu/mdevctl.hpp"

#include <fstream>
#include <map>

#include "vgpu/definitions_fixture.hpp"

namespace vgpukit::vgpu {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class Mdevctl : public DefinitionsTest {};

TEST_F(Mdevctl, FilesAreReadAsMdevctlReadsThem) {
  fake.file("etc/mdevctl.d/0000:65:00.0/" + test::uuid_a, R"({"mdev_type": "nvidia-63", "start": "auto"})");
  fake.file("etc/mdevctl.d/0000:65:00.0/" + test::uuid_b,
            R"({"mdev_type":"x","start":"manual","attrs":[{"a/b":"1"},{"c":"2"}]})");
  fake.file("etc/mdevctl.d/0000:65:00.0/readme", "no UUID");
  fake.file("etc/mdevctl.d/scripts.d/callouts/a.sh", "");
  const auto found = load_definitions(fake.host);
  ASSERT_TRUE(found);
  ASSERT_THAT(found->all, SizeIs(2));
  EXPECT_THAT(found->bad, IsEmpty());
  EXPECT_TRUE(found->all[0].automatic);
  EXPECT_EQ(found->all[0].card, "0000:65:00.0");
  EXPECT_FALSE(found->all[1].automatic);
  EXPECT_THAT(found->all[1].attributes, ElementsAre(testing::Pair("a/b", "1"), testing::Pair("c", "2")));
}

// Links of another root lead to places in it.
TEST_F(Mdevctl, FoldersThatAreLinksStayInTheirRoot) {
  const test::TempFolder outside;
  const std::string text = R"({"mdev_type": "nvidia-63", "start": "auto"})";
  std::ofstream(outside / test::uuid_a) << text;
  fake.link("etc/mdevctl.d/0000:65:00.0", outside.path());
  EXPECT_THAT(load_definitions(fake.host)->all, IsEmpty()) << "a definition of the host";
  EXPECT_TRUE(
      mdevctl_file(fake.host, "0000:65:00.0", test::uuid_b).string().starts_with(fake.host.root.string() + "/"));
  fake.file("srv/cards/" + test::uuid_a, text);
  fake.link("etc/mdevctl.d/0000:66:00.0", "/srv/cards");
  const auto found = load_definitions(fake.host);
  ASSERT_THAT(found->all, SizeIs(1));
  EXPECT_EQ(found->all[0].card, "0000:66:00.0");
  EXPECT_EQ(mdevctl_file(fake.host, "0000:66:00.0", test::uuid_a), fake.host.root / "srv/cards" / test::uuid_a);
}

TEST_F(Mdevctl, AnInvalidFileIsReportedAndTheOthersCount) {
  const std::map<std::string, std::string> wrong = {
      {"no json", "it is no JSON"},
      {"[]", "no JSON object"},
      {R"({"start":"auto"})", "'mdev_type'"},
      {R"({"mdev_type":"a"})", "'start'"},
      {R"({"mdev_type":"../../x","start":"auto"})", "cannot be a type"},
      {R"({"mdev_type":"a","start":"auto","attrs":{}})", "'attrs' is no list"},
      {R"({"mdev_type":"a","start":"auto","attrs":[{"a":1}]})", "one of 'attrs'"},
      {R"({"mdev_type":"a","start":"auto","attrs":[{"../../x":"1"}]})", "no name below"}};
  fake.file("etc/mdevctl.d/p/" + test::uuid_b, R"({"mdev_type":"a","start":"auto"})");
  for (const auto& [text, why] : wrong) {
    fake.file("etc/mdevctl.d/p/" + test::uuid_a, text);
    const auto found = load_definitions(fake.host);
    ASSERT_TRUE(found);
    EXPECT_THAT(found->all, SizeIs(1)) << text;
    ASSERT_THAT(found->bad, SizeIs(1)) << text;
    EXPECT_THAT(found->bad[0].message(), HasSubstr(why));
    EXPECT_THAT(found->bad[0].message(), HasSubstr(test::uuid_a));
  }
}

TEST_F(Mdevctl, VgpusYamlIsExported) {
  fake.p4();
  yaml("- {card: 65:00.0, type: P4-1Q, uuids: [" + test::uuid_a + "]}\n");
  apply();
  EXPECT_THAT(fake.text("etc/mdevctl.d/0000:65:00.0/" + test::uuid_a),
              HasSubstr("\"mdev_type\": \"nvidia-63\",\n  \"start\": \"manual\""));
  EXPECT_THAT(load_definitions(fake.host)->all, SizeIs(1)) << "the exported copy does not count";
  yaml("- {card: 65:00.0, type: P4-1Q, uuids: [" + test::uuid_b + "]}\n");
  apply();
  EXPECT_FALSE(fake.has("etc/mdevctl.d/0000:65:00.0/" + test::uuid_a)) << "it is removed with its entry";
}

TEST_F(Mdevctl, AnExportThatFailsDoesNotHideWhatWasDone) {
  fake.p4();
  fake.file("etc/mdevctl.d", "a file where a folder should be");
  yaml("- {card: 65:00.0, type: nvidia-63, uuids: [" + test::uuid_a + "]}\n");
  const auto applied = apply();
  EXPECT_FALSE(applied.complete());
  EXPECT_THAT(applied.outcomes.at(0).created, SizeIs(1));
  ASSERT_THAT(applied.bad, SizeIs(1));
  EXPECT_THAT(applied.bad[0].message(), HasSubstr("mdevctl.d"));
}

}  // namespace
}  // namespace vgpukit::vgpu
