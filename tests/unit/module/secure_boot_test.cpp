#include "module/secure_boot.hpp"

#include <gtest/gtest.h>

#include "support/atomic_file.hpp"
#include "support/temp_folder.hpp"

namespace vgpukit::module {
namespace {

// The beginning of a certificate. Certificates are only compared.
const std::string der = std::string("\x30\x82\x00\x04", 4) + "cert";
const char* const pem = "-----BEGIN CERTIFICATE-----\nMIIABGNl\ncnQ=\n-----END CERTIFICATE-----\n";

std::string number(std::size_t value) {
  std::string bytes;
  for (unsigned i = 0; i < 4; ++i) bytes += static_cast<char>((value >> (8 * i)) & 0xffU);
  return bytes;
}

// An EFI_SIGNATURE_LIST with these signatures, which have one length.
std::string list_of(const std::vector<std::string>& certificates, bool x509 = true) {
  const std::string type =
      x509 ? std::string("\xa1\x59\xc0\xa5\xe4\x94\xa7\x4a\x87\xb5\xab\x15\x5c\x2b\xf0\x72", 16) : std::string(16, 'h');
  const auto each = 16 + certificates.front().size();
  std::string text = type + number(28 + each * certificates.size()) + number(0) + number(each);
  for (const auto& certificate : certificates) text += std::string(16, 'o') + certificate;
  return text;
}

class SecureBootTest : public testing::Test {
 protected:
  void SetUp() override { host_.root = folder_.path(); }
  void put(const fs::path& path, const std::string& text) { ASSERT_TRUE(write_file(host_.in_root(path), text)); }
  void variable(const std::string& name, const std::string& value) {
    put("/sys/firmware/efi/efivars/" + name, std::string("\x06\0\0\0", 4) + value);
  }
  void secure_boot_on() { variable("SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c", "\x01"); }
  test::TempFolder folder_;
  HostPaths host_;
};

TEST_F(SecureBootTest, IsOffWithoutEfi) {
  EXPECT_FALSE(secure_boot(host_).on);
  EXPECT_FALSE(secure_boot(host_).efi);
}

TEST_F(SecureBootTest, IsReadFromTheFirmware) {
  variable("SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c", std::string(1, '\0'));
  EXPECT_FALSE(secure_boot(host_).on);
  EXPECT_TRUE(secure_boot(host_).efi);
  secure_boot_on();
  EXPECT_TRUE(secure_boot(host_).on);
}

TEST_F(SecureBootTest, IsOffIfShimDoesNotValidate) {
  secure_boot_on();
  variable("MokSBStateRT-605dab50-e046-4300-abb6-3dd810dd8b23", "\x01");
  EXPECT_FALSE(secure_boot(host_).on);
}

TEST_F(SecureBootTest, IsOffIfTheVariableIsCutOff) {
  put("/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c", "\x06");
  EXPECT_FALSE(secure_boot(host_).on);
}

TEST_F(SecureBootTest, LockdownOrTheParameterEnforces) {
  EXPECT_FALSE(secure_boot(host_).enforced);
  put("/sys/kernel/security/lockdown", "[none] integrity confidentiality\n");
  EXPECT_FALSE(secure_boot(host_).enforced);
  put("/sys/kernel/security/lockdown", "none [integrity] confidentiality\n");
  EXPECT_TRUE(secure_boot(host_).enforced);
  put("/sys/kernel/security/lockdown", "[none] integrity confidentiality\n");
  put("/sys/module/module/parameters/sig_enforce", "Y\n");
  EXPECT_TRUE(secure_boot(host_).enforced);
}

TEST_F(SecureBootTest, ACertificateIsFoundAmongOthers) {
  EXPECT_TRUE(contains_certificate(list_of({der}), der));
  EXPECT_TRUE(contains_certificate(list_of({"12345678", der}), der));
  EXPECT_TRUE(contains_certificate(list_of({"a hash"}, false) + list_of({der}), der));
  EXPECT_FALSE(contains_certificate(list_of({"12345678"}), der));
  EXPECT_FALSE(contains_certificate(list_of({der}, false), der)) << "a hash is not a certificate";
  EXPECT_FALSE(contains_certificate("", der));
}

TEST_F(SecureBootTest, ListsWithWrongSizesAreNotReadPastTheirEnd) {
  auto list = list_of({der});
  for (std::size_t size = 0; size < list.size(); ++size)
    EXPECT_FALSE(contains_certificate(list.substr(0, size), der)) << size;
  for (const std::size_t at : {16U, 20U, 24U})
    for (const std::size_t value : {0U, 1U, 15U, 27U, 0x7fffffffU, 0xffffffffU}) {
      auto wrong = list;
      wrong.replace(at, 4, number(value));
      EXPECT_EQ(contains_certificate(wrong, der), at == 20 && value == 0) << at << " " << value;
    }
}

TEST_F(SecureBootTest, PemAndDerAreTheSameCertificate) {
  put("/a.pem", pem);
  put("/a.der", der);
  put("/a.txt", "hello");
  EXPECT_EQ(*certificate_der(host_.in_root("/a.pem")), der);
  EXPECT_EQ(*certificate_der(host_.in_root("/a.der")), der);
  EXPECT_FALSE(certificate_der(host_.in_root("/a.txt")));
  EXPECT_FALSE(certificate_der(host_.in_root("/none")));
}

TEST_F(SecureBootTest, EnrolmentFromTheVariables) {
  put("/mok.pub", der);
  EXPECT_EQ(enrolment_of(host_, "/mok.pub"), Enrolment::unknown);
  variable("MokListRT-605dab50-e046-4300-abb6-3dd810dd8b23", list_of({"12345678"}));
  EXPECT_EQ(enrolment_of(host_, "/mok.pub"), Enrolment::missing);
  variable("MokNew-605dab50-e046-4300-abb6-3dd810dd8b23", list_of({der}));
  EXPECT_EQ(enrolment_of(host_, "/mok.pub"), Enrolment::pending);
  put("/sys/firmware/efi/mok-variables/MokListRT", list_of({"12345678", der}));
  EXPECT_EQ(enrolment_of(host_, "/mok.pub"), Enrolment::enrolled);
}

TEST_F(SecureBootTest, StepsImportDer) {
  put("/mok.pub", der);
  put("/mok.pem", pem);
  const auto text = [&](const std::string& certificate) {
    std::string all;
    for (const auto& step : enrolment_steps(host_, certificate)) all += step + "\n";
    return all;
  };
  EXPECT_NE(text("/mok.pub").find("mokutil --import /mok.pub "), std::string::npos) << text("/mok.pub");
  EXPECT_EQ(text("/mok.pub").find("openssl"), std::string::npos);
  EXPECT_NE(text("/mok.pem").find("openssl x509 -in /mok.pem -outform DER -out /mok.der\n"), std::string::npos)
      << text("/mok.pem");
  EXPECT_NE(text("/mok.pem").find("mokutil --import /mok.der "), std::string::npos);
}

}  // namespace
}  // namespace vgpukit::module
