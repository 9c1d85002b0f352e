#include "passthrough/domain_xml.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "passthrough/xml_text.hpp"
#include "system/fixture_host.hpp"

namespace vgpukit::passthrough {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class DomainXml : public testing::Test {
 protected:
  GuestRequest request(const std::string& card = "0000:01:00.0") {
    GuestRequest made;
    made.pci = &pci;
    made.card = pci.find(card);
    return made;
  }
  EditedDomain edit(const std::string& text, const GuestRequest& what) {
    auto edited = edit_domain(text, "vm.xml", what);
    EXPECT_TRUE(edited) << edited.error().message();
    return edited ? *edited : EditedDomain{};
  }

  test::FixtureHost host{"003-rtx2080ti-debian"};
  system::PciView pci = host.pci();
  const std::string domain =
      "<domain type='kvm'>\n  <name>vm</name>\n  <os firmware='efi'>\n    <type arch='x86_64' "
      "machine='pc-q35-7.2'>hvm</type>\n  "
      "</os>\n"
      "  <features>\n    <acpi/>\n  </features>\n  <devices>\n    <controller type='pci' index='3' "
      "model='pcie-root-port'/>\n"
      "    <!-- </devices> in a comment -->\n    <disk><address type='pci' domain='0x0000' bus='0x02' slot='0x00' "
      "function='0x0'/></disk>\n"
      "  </devices>\n</domain>\n";
};

TEST_F(DomainXml, AllFunctionsInOneSlot) {
  const auto xml = guest_domain_xml(request());
  EXPECT_THAT(xml, HasSubstr("<address domain='0x0000' bus='0x01' slot='0x00' function='0x3'/>"));
  EXPECT_THAT(
      xml, HasSubstr("<address type='pci' domain='0x0000' bus='0x05' slot='0x00' function='0x0' multifunction='on'/>"));
  EXPECT_THAT(xml, HasSubstr("<address type='pci' domain='0x0000' bus='0x05' slot='0x00' function='0x3'/>"));
  EXPECT_THAT(xml, HasSubstr("managed='yes'"));
  EXPECT_THAT(xml, HasSubstr("<feature enabled='no' name='secure-boot'/>"));
  EXPECT_THAT(xml, Not(HasSubstr("<hidden")));
}

TEST_F(DomainXml, ADomainOfMoreThanFourDigits) {
  for (const auto* function : {"0", "1"})
    host.tree.pci(std::string("10000:e1:00.") + function, {{"id", "10de:1e04"}, {"class", "030000"}, {"group", "70"}});
  pci = host.pci();
  ASSERT_TRUE(pci.find("10000:e1:00.0"));
  const auto card = request("10000:e1:00.0");
  const auto xml = guest_domain_xml(card);
  EXPECT_THAT(xml, HasSubstr("<address domain='0x10000' bus='0xe1' slot='0x00' function='0x1'/>"));
  EXPECT_THAT(xml, HasSubstr("<address type='pci' domain='0x0000' bus='0x05' slot='0x00' function='0x1'/>"));
  const auto first = edit(domain, card);
  EXPECT_THAT(first.changes,
              ElementsAre(HasSubstr("<hostdev> for 10000:e1:00.0, 10000:e1:00.1 at bus 0x04"), testing::_));
  EXPECT_THAT(edit(first.text, card).changes, IsEmpty()) << "the domain has them already";
}

TEST_F(DomainXml, BoundToVfioAtBootStaysThere) {
  const test::FixtureHost frozen("001-rtx2080ti-frozen");
  pci = frozen.pci();
  const auto xml = guest_domain_xml(request("0000:83:00.0"));
  EXPECT_THAT(xml, HasSubstr("managed='no'"));
  EXPECT_THAT(xml, HasSubstr("managed='yes'"));  // the USB controller, which xhci_hcd has
  EXPECT_THAT(xml, HasSubstr("<!-- The host booted on this card"));
}

TEST_F(DomainXml, HiddenOnlyBefore465) {
  auto what = request();
  what.guest_driver = Version::parse("450.66");
  EXPECT_THAT(guest_domain_xml(what), HasSubstr("<hidden state='on'/>"));
  EXPECT_THAT(guest_domain_xml(what), HasSubstr("<vendor_id state='on' value='vgpukit-host'/>"));
  what.guest_driver = Version::parse("465.19.01");
  EXPECT_FALSE(must_hide(what));
  // A Fermi card has no driver of 465 or newer.
  host.tree.file("sys/bus/pci/devices/0000:01:00.0/device", "0x1040\n");
  pci = host.pci();
  EXPECT_TRUE(must_hide(request()));
}

TEST_F(DomainXml, WindowsKeepsSecureBootAndGetsHyperv) {
  auto what = request();
  what.windows = true;
  what.rom_file = "/var/lib/roms/it's a <card>.rom";
  const auto xml = guest_domain_xml(what);
  EXPECT_THAT(xml, Not(HasSubstr("secure-boot")));
  EXPECT_THAT(xml, HasSubstr("<relaxed state='on'/>"));
  EXPECT_THAT(edit(domain, what).text, Not(HasSubstr("secure-boot")));
  EXPECT_THAT(xml, HasSubstr("<rom file='/var/lib/roms/it&apos;s a &lt;card&gt;.rom'/>"));
}

TEST_F(DomainXml, PutIntoADomain) {
  const auto edited = edit(domain, request());
  EXPECT_THAT(edited.changes, ElementsAre(HasSubstr("at bus 0x04, slot 0x00"), HasSubstr("Secure Boot off")));
  EXPECT_THAT(edited.text,
              HasSubstr("</disk>\n    <hostdev mode='subsystem' type='pci' managed='yes'>\n      <source>\n"));
  EXPECT_THAT(edited.text,
              HasSubstr("    <firmware>\n      <feature enabled='no' name='secure-boot'/>\n    </firmware>\n  </os>"));
  EXPECT_THAT(edited.notes, IsEmpty());
  // A second run changes nothing.
  const auto again = edit(edited.text, request());
  EXPECT_THAT(again.changes, IsEmpty());
  EXPECT_EQ(again.text, edited.text);
  // Every old line is still there, byte for byte, in the same order.
  std::size_t at = 0;
  for (std::size_t begin = 0; begin < domain.size();) {
    const auto end = domain.find('\n', begin) + 1;
    at = edited.text.find(domain.substr(begin, end - begin), at);
    ASSERT_NE(at, std::string::npos) << domain.substr(begin, end - begin);
    begin = end;
  }
}

TEST_F(DomainXml, HidingInWhatIsThere) {
  auto what = request();
  what.guest_driver = Version::parse("450.66");
  auto text = domain;
  EXPECT_THAT(edit(text, what).text,
              HasSubstr("    <kvm>\n      <hidden state='on'/>\n    </kvm>\n    <hyperv>\n      <vendor_id"));
  text.replace(
      text.find("<acpi/>"), 7,
      "<hyperv mode='custom'>\n      <relaxed state='on'/>\n    </hyperv>\n    <kvm><hidden state='off'/></kvm>");
  const auto edited = edit(text, what);
  EXPECT_THAT(edited.text,
              HasSubstr("<relaxed state='on'/>\n      <vendor_id state='on' value='vgpukit-host'/>\n    </hyperv>"));
  EXPECT_THAT(edited.text, HasSubstr("<kvm><hidden state='on'/></kvm>"));
  text = domain;
  text.replace(text.find("<features>"), std::string("<features>\n    <acpi/>\n  </features>").size(), "<features/>");
  EXPECT_THAT(edit(text, what).text, HasSubstr("  <features>\n    <kvm>\n"));
}

TEST_F(DomainXml, Host004TheSilentMachineType) {
  auto text = domain;
  text.replace(text.find("pc-q35-7.2"), 10, "pc-q35-4.0");
  EXPECT_THAT(edit(text, request()).notes, ElementsAre(HasSubstr("audio of cards stays silent")));
}

TEST_F(DomainXml, AMachineWithoutPciExpress) {
  auto text = domain;
  text.replace(text.find("pc-q35-7.2"), 10, "pc-i440fx-7.2");
  text.replace(text.find("bus='0x02' slot='0x00'"), 22, "bus='0x00' slot='0x03'");
  const auto edited = edit(text, request());
  EXPECT_THAT(edited.changes.front(), HasSubstr("at bus 0x00, slot 0x04"));
  EXPECT_THAT(edited.notes, ElementsAre(HasSubstr("has no PCI Express")));
}

TEST_F(DomainXml, AFullBusZeroNeedsABridge) {
  auto text = domain;
  text.replace(text.find("pc-q35-7.2"), 10, "pc-i440fx-7.2");
  std::string disks;
  for (int slot = 3; slot < 32; ++slot) {
    char line[120];
    std::snprintf(line, sizeof line,
                  "<disk><address type='pci' domain='0x0000' bus='0x00' slot='0x%02x' function='0x0'/></disk>\n",
                  static_cast<unsigned>(slot));
    disks += line;
  }
  text.insert(text.find("    <controller"), disks);
  // A bridge would need a slot of bus 0, too.
  text.replace(text.find("model='pcie-root-port'"), 22, "model='pci-root'");
  const auto refused = edit_domain(text, "vm.xml", request());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::usage);
  EXPECT_THAT(refused.error().message(), HasSubstr("no free PCI slot"));
  text.replace(text.find("model='pci-root'"), 16, "model='pci-bridge'");
  const auto edited = edit(text, request());
  EXPECT_THAT(edited.changes, ElementsAre(HasSubstr("at bus 0x03, slot 0x01"), HasSubstr("Secure Boot")));
  EXPECT_THAT(edited.text, Not(HasSubstr("slot='0x20'")));
}

TEST_F(DomainXml, BusesAbove0xffDoNotExist) {
  auto text = domain;
  text.replace(text.find("index='3'"), 9, "index='255'");
  EXPECT_THAT(edit(text, request()).changes.front(), HasSubstr("at bus 0x01, slot 0x00"));
  std::string all;
  for (int i = 1; i < 256; ++i)
    all += "<controller type='pci' index='" + std::to_string(i) + "' model='pcie-root-port'/>\n";
  text = domain;
  text.insert(text.find("    <controller"), all);
  const auto edited = edit_domain(text, "vm.xml", request());
  ASSERT_FALSE(edited);
  EXPECT_THAT(edited.error().message(), HasSubstr("no free PCI bus"));
}

TEST_F(DomainXml, HostAddressesAreNotBusesOfTheGuest) {
  auto text = domain;
  text.insert(text.find("    <controller"),
              "<interface type='hostdev'><source><address type='pci' domain='0x0000' bus='0x42' slot='0x00' "
              "function='0x0'/></source></interface>\n");
  EXPECT_THAT(edit(text, request()).changes.front(), HasSubstr("at bus 0x04, slot 0x00"));
}

TEST_F(DomainXml, VendorIdThatIsOffGetsAValue) {
  auto what = request();
  what.guest_driver = Version::parse("450.66");
  auto text = domain;
  text.replace(text.find("<acpi/>"), 7, "<hyperv><vendor_id state='off'/></hyperv>");
  EXPECT_THAT(edit(text, what).text, HasSubstr("value='vgpukit-host'"));
  EXPECT_THAT(edit(text, what).text, HasSubstr("state='on'"));
  EXPECT_THAT(edit(edit(text, what).text, what).changes, IsEmpty());
  text = domain;
  text.replace(text.find("<acpi/>"), 7, "<hyperv mode='passthrough'/>");
  const auto edited = edit(text, what);
  EXPECT_THAT(edited.text, HasSubstr("<hyperv mode='passthrough'/>"));
  EXPECT_THAT(edited.notes, testing::Contains(HasSubstr("allows no <vendor_id>")));
}

TEST_F(DomainXml, SecureBootAndItsKeysGoTogether) {
  auto text = domain;
  text.insert(text.find("</os>"), "<firmware><feature enabled='yes' name='enrolled-keys'/></firmware>\n");
  const auto edited = edit(text, request());
  EXPECT_THAT(edited.text, HasSubstr("<feature enabled='no' name='enrolled-keys'/>"));
  EXPECT_THAT(edited.text, HasSubstr("<feature enabled='no' name='secure-boot'/>"));
  text = domain;
  text.insert(text.find("</os>"), "<loader secure='yes'/>\n");
  const auto secure = edit(text, request());
  EXPECT_THAT(secure.text, Not(HasSubstr("secure-boot")));
  EXPECT_THAT(secure.notes, testing::Contains(HasSubstr("sign the driver's modules")));
}

TEST_F(DomainXml, MachinesWithoutPciAndOtherProcessors) {
  struct Machine {
    const char *arch, *machine, *why;
  };
  for (const auto& each : {Machine{"x86_64", "microvm", "microvm has no PCI bus"},
                           {"s390x", "s390-ccw-virtio", "s390x"},
                           {"ppc64le", "pseries", "ppc64le"}}) {
    auto text = domain;
    text.replace(text.find("arch='x86_64'"), 13, std::string("arch='") + each.arch + "'");
    text.replace(text.find("pc-q35-7.2"), 10, each.machine);
    const auto edited = edit_domain(text, "vm.xml", request());
    ASSERT_FALSE(edited) << each.machine;
    EXPECT_EQ(edited.error().kind, ErrorKind::usage);
    EXPECT_THAT(edited.error().message(), HasSubstr(each.why));
  }
  auto text = domain;
  text.replace(text.find("arch='x86_64'"), 13, "arch='aarch64'");
  text.replace(text.find("pc-q35-7.2"), 10, "virt-9.0");
  const auto edited = edit(text, request());
  EXPECT_THAT(edited.changes.front(), HasSubstr("at bus 0x04, slot 0x00"));
  EXPECT_THAT(edited.notes, IsEmpty());
  text.replace(text.find("type='kvm'"), 10, "type='lxc'");
  EXPECT_FALSE(edit_domain(text, "vm.xml", request()));
}

TEST_F(DomainXml, HostileTextIsBadInputWithLineAndColumn) {
  struct Hostile {
    const char* text;
    int line, column;
  };
  for (const auto& each :
       {Hostile{"='<domain><os><type a\"b c=\"x>y</type></os><devices></devices></domain>", 1, 1},
        Hostile{"<domain>\n<features><kvm><hidden a\"b c=\"x\" state='>y\" ></hidden></kvm></features></domain>", 2,
                25},
        Hostile{"<domain a='1' a='2'/>", 1, 15}, Hostile{"<domain a=1/>", 1, 11}, Hostile{"<domain a='<'/>", 1, 12},
        Hostile{"<domain/>x", 1, 10}, Hostile{"<domain a='1'b='2'/>", 1, 14}}) {
    const auto edited = edit_domain(each.text, "vm.xml", request());
    ASSERT_FALSE(edited) << each.text;
    EXPECT_EQ(edited.error().kind, ErrorKind::usage);
    ASSERT_TRUE(edited.error().where);
    EXPECT_EQ(edited.error().where->line, each.line) << edited.error().message();
    EXPECT_EQ(edited.error().where->column, each.column) << edited.error().message();
  }
}

TEST_F(DomainXml, FilesThatAreNotADomain) {
  struct Bad {
    const char* text;
    const char* why;
  };
  for (const auto& bad :
       {Bad{"", "it has no element"}, Bad{"<network/>", "its root element is <network>"},
        Bad{"<domain><devices></domain>", "closes nothing"}, Bad{"<domain type='kvm'/>", "it has no <devices>"},
        Bad{"<domain", "the tag has no end"}, Bad{"<domain><!-- </domain>", "it has no end"},
        Bad{"<!DOCTYPE x><domain/>", "document type"}, Bad{"<domain></domain><domain/>", "second root"},
        Bad{"<domain>", "never closed"}, Bad{"< domain/>", "without a name"}}) {
    const auto edited = edit_domain(bad.text, "vm.xml", request());
    ASSERT_FALSE(edited) << bad.text;
    EXPECT_EQ(edited.error().kind, ErrorKind::usage);
    EXPECT_THAT(edited.error().message(), HasSubstr(bad.why));
  }
}

TEST(XmlText, PlacesAndAttributes) {
  const auto xml =
      XmlText::parse("<?xml version='1.0'?>\n<a x=\"1>2\" y = 'z'><b/><![CDATA[</a>]]>\n  <c k='v'></c ></a>\n", "f");
  ASSERT_TRUE(xml) << xml.error().message();
  ASSERT_EQ(xml->elements().size(), 3u);
  EXPECT_EQ(xml->attribute(0, "x"), "1>2");
  EXPECT_EQ(xml->attribute(0, "y"), "z");
  EXPECT_EQ(xml->attribute(0, "q"), "");
  EXPECT_EQ(xml->attribute(xml->child(0, "c"), "k"), "v");
  EXPECT_EQ(xml->indent(xml->child(0, "c")), "  ");
  EXPECT_EQ(xml->indent(xml->child(0, "b")), "");
  EXPECT_EQ(xml->result(), xml->text());
  EXPECT_EQ(XmlText::parse("<a>\n\n</b>", "f").error().where->line, 3);
}

TEST_F(DomainXml, LimitsOfWhatIsRead) {
  const auto refused = [&](const std::string& text) {
    const auto edited = edit_domain(text, "vm.xml", request());
    return edited ? std::string() : edited.error().message();
  };
  std::string deep;
  for (int i = 0; i < 200'000; ++i) deep += "<a>";
  EXPECT_THAT(refused(deep), HasSubstr("it is nested more than 100 deep"));
  std::string wide = "<domain";
  for (int i = 0; i < 200'000; ++i) wide += " a" + std::to_string(i) + "=''";
  EXPECT_THAT(refused(wide + "/>"), HasSubstr("has more than 100 attributes"));
}

// Each of them is looked at once: with a search of the whole domain for each this would take minutes.
TEST_F(DomainXml, ADomainWithManyDevices) {
  std::string devices;
  for (int i = 0; i < 60'000; ++i)
    devices += "<hostdev><source><address domain='0x0000' bus='0x70' slot='0x00' function='0x0'/></source></hostdev>\n";
  const auto edited =
      edit("<domain type='kvm'><os><type machine='q35'>hvm</type></os><devices>\n" + devices + "</devices></domain>\n",
           request());
  EXPECT_FALSE(edited.changes.empty());
}

}  // namespace
}  // namespace vgpukit::passthrough
