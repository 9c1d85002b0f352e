#include "authoring/strategies_fixture.hpp"

namespace vgpukit::authoring {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

// struct drm_atomic_state in 7.2: only its name changed.
TEST_F(StrategiesTest, ATypeWithTheSameMembersIsARename) {
  driver("int f(struct drm_atomic_state *s) { return s->planes; }\n");
  const auto found =
      candidates(rename, "nvidia/nv.c:1:46: error: invalid use of undefined type 'struct drm_atomic_state'\n");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_TRUE(found[0].proven);
  EXPECT_EQ(found[0].why, "drm_atomic_commit: it has the same members");
  EXPECT_EQ(result(found[0]), "int f(struct drm_atomic_commit *s) { return s->planes; }\n");
}

TEST_F(StrategiesTest, AFarNameIsNoRename) {
  put("old", "linux/mm.h", "int follow_pfn(struct vma *vma, unsigned long address);\n");
  put("new", "linux/mm.h", "int follow_pfnmap_start(struct follow_pfnmap_args *args);\n");
  driver("int f(void) { return follow_pfn(vma, 1); }\n");
  EXPECT_THAT(candidates(rename, "nvidia/nv.c:1:22: error: implicit declaration of function 'follow_pfn'\n"),
              IsEmpty());
}

// The DRM headers in 6.19: they no longer include drm_print.h.
TEST_F(StrategiesTest, AHeaderThatIsNoLongerIncludedIsIncluded) {
  driver("#include <drm/drm_gem.h>\n\nvoid f(void) { DRM_ERROR(1); }\n");
  const auto found =
      candidates(include_header, "nvidia/nv.c:3:16: error: implicit declaration of function 'DRM_ERROR'\n");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_THAT(found[0].why, HasSubstr("<drm/drm_print.h> declares it"));
  EXPECT_EQ(result(found[0]),
            "#include <drm/drm_gem.h>\n#include <drm/drm_print.h>\n\nvoid f(void) { DRM_ERROR(1); }\n");
}

TEST_F(StrategiesTest, AnInlineFunctionThatOnlyCallsAnotherIsThatCall) {
  put("old", "linux/pci.h",
      "static inline int pci_set_dma_mask(struct pci_dev *dev, u64 mask)\n{\n\treturn dma_set_mask(&dev->dev, "
      "mask);\n}\n");
  put("old", "linux/dma-mapping.h", "int dma_set_mask(struct device *dev, u64 mask);\n");
  put("new", "linux/dma-mapping.h", "int dma_set_mask(struct device *dev, u64 mask);\n");
  put("new", "linux/pci.h", "\n");
  driver("int f(struct pci_dev *p) { return pci_set_dma_mask(p, bits(40)); }\n");
  const auto found =
      candidates(rebuild, "nvidia/nv.c:1:5: error: implicit declaration of function 'pci_set_dma_mask'\n");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_TRUE(found[0].proven);
  EXPECT_THAT(found[0].why, HasSubstr("dma_set_mask(&dev->dev, mask)"));
  EXPECT_EQ(result(found[0]), "int f(struct pci_dev *p) { return dma_set_mask(&(p)->dev, bits(40)); }\n");
}

TEST_F(StrategiesTest, AnExpressionOfOldHeadersReplacesItsName) {
  put("old", "linux/dma-buf.h",
      "static inline bool dma_buf_attachment_is_dynamic(struct dma_buf_attachment *attach)\n"
      "{ return !!attach->importer_ops; }\n#define DMA_BUF_OLD (DMA_BUF_NEW | 2)\n");
  put("new", "linux/dma-buf.h", "\n");
  driver("int f(void) { return dma_buf_attachment_is_dynamic(a->b); }\n");
  auto found =
      candidates(rebuild, "nvidia/nv.c:1:5: error: implicit declaration of function 'dma_buf_attachment_is_dynamic'\n");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_FALSE(found[0].proven);
  EXPECT_EQ(result(found[0]), "int f(void) { return (!!(a->b)->importer_ops); }\n");
  driver("int f(void) { return DMA_BUF_OLD; }\n");
  found = candidates(rebuild, "nvidia/nv.c:1:5: error: 'DMA_BUF_OLD' undeclared (first use in this function)\n");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(result(found[0]), "int f(void) { return ((DMA_BUF_NEW | 2)); }\n");
}

TEST_F(StrategiesTest, AFunctionWithStatementsIsNotRebuilt) {
  put("old", "linux/pci.h", "static inline void pci_gone(int a) { if (a) b(); }\n");
  put("new", "linux/pci.h", "\n");
  driver("void f(void) { pci_gone(1); }\n");
  EXPECT_THAT(candidates(rebuild, "nvidia/nv.c:1:5: error: implicit declaration of function 'pci_gone'\n"), IsEmpty());
}

TEST_F(StrategiesTest, AValueThatIsGoneLeavesTheInitializer) {
  driver("struct ops o = {\n  .open = f,\n  .llseek = no_llseek,\n};\n");
  auto found = candidates(drop_value, "nvidia/nv.c:3:13: error: 'no_llseek' undeclared here (not in a function)\n");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(result(found[0]), "struct ops o = {\n  .open = f,\n};\n");
  // It is used in another way: what it did is not known.
  driver("\n\nvoid g(void) { call(no_llseek); }\n");
  EXPECT_THAT(candidates(drop_value, "nvidia/nv.c:3:13: error: 'no_llseek' undeclared\n"), IsEmpty());
}

TEST_F(StrategiesTest, AValueThatWasNullLeavesTheInitializerWithAProof) {
  put("old", "linux/fs.h", "#define no_llseek NULL\n");
  driver("struct ops o = {\n  .open = f,\n  .llseek = no_llseek,\n};\n");
  const auto found = candidates(rebuild, "nvidia/nv.c:3:13: error: 'no_llseek' undeclared here (not in a function)\n");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_TRUE(found[0].proven);
  EXPECT_EQ(result(found[0]), "struct ops o = {\n  .open = f,\n};\n");
}

TEST_F(StrategiesTest, AWrapperOfAGoneFunctionFails) {
  const std::string log = "nvidia/nv.c:6:10: error: implicit declaration of function 'follow_pfn'\n";
  driver(
      "static inline int nv_follow(int a)\n{\n#if defined(NV_X)\n  return unsafe_follow_pfn(a);\n#else\n"
      "  return follow_pfn(a);\n#endif\n}\n");
  const auto found = candidates(fail_wrapper, log);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_THAT(found[0].why, HasSubstr("now always fails"));
  EXPECT_EQ(result(found[0]), "static inline int nv_follow(int a)\n{\n    return -1;\n}\n");
  driver("static int f(int a)\n{\n  int r = 0;\n  if (a)\n    r = 1;\n  return follow_pfn(a);\n}\n");
  EXPECT_THAT(candidates(fail_wrapper, log), IsEmpty()) << "it does more";
}

TEST_F(StrategiesTest, ABareWordOfAMacroBecomesAString) {
  put("new", "linux/module.h", "#define MODULE_IMPORT_NS(ns) MODULE_INFO(import_ns, ns)\n");
  driver("MODULE_IMPORT_NS(DMA_BUF);\n");
  const auto found = candidates(quote_argument, "nvidia/nv.c:1:18: error: 'DMA_BUF' undeclared here\n");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_THAT(found[0].change.kernel, HasSubstr("of: MODULE_IMPORT_NS"));
  EXPECT_EQ(result(found[0]), "MODULE_IMPORT_NS(\"DMA_BUF\");\n");
}

TEST_F(StrategiesTest, AnArgumentThatWentAwayIsLeftOut) {
  driver("void f(void) { eventfd_signal(vgpu->ctx, 1); }\n");
  const auto found =
      candidates(remove_argument, "nvidia/nv.c:1:5: error: too many arguments to function 'eventfd_signal'\n");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(result(found[0]), "void f(void) { eventfd_signal(vgpu->ctx); }\n");
}

TEST_F(StrategiesTest, AnArgumentForAResultIsNotLeftOut) {
  put("old", "linux/mm.h", "bool is_locked(struct vma *vma, unsigned int *seq);\n");
  put("new", "linux/mm.h", "bool is_locked(struct vma *vma);\n");
  driver("int f(void) { return is_locked(vma, &seq) && seq; }\n");
  EXPECT_THAT(candidates(remove_argument, "nvidia/nv.c:1:5: error: too many arguments to function 'is_locked'\n"),
              IsEmpty());
}

TEST_F(StrategiesTest, TwoArgumentsOfOneTypeDoNotTellWhichWentAway) {
  put("old", "linux/x.h", "void x_call(int a, int b);\n");
  put("new", "linux/x.h", "void x_call(int a);\n");
  driver("void f(void) { x_call(1, 2); }\n");
  EXPECT_THAT(candidates(remove_argument, "nvidia/nv.c:1:5: error: too many arguments to function 'x_call'\n"),
              IsEmpty());
}

TEST_F(StrategiesTest, ANewArgumentIsWhatTheCallingFunctionHasOfItsType) {
  put("old", "drm/drm_fb.h", "void drm_fill(struct drm_fb *fb, const struct cmd *cmd);\n");
  put("new", "drm/drm_fb.h", "void drm_fill(struct drm_fb *fb, const struct info *info, const struct cmd *cmd);\n");
  driver("int f(struct drm_fb *fb, const struct info *format)\n{\n  drm_fill(fb, cmd);\n}\n");
  const std::string log = "nvidia/nv.c:3:5: error: too few arguments to function 'drm_fill'\n";
  const auto found = candidates(add_argument, log);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_THAT(result(found[0]), HasSubstr("drm_fill(fb, format, cmd);"));
  driver("int f(struct drm_fb *fb)\n{\n  drm_fill(fb, cmd);\n}\n");
  EXPECT_THAT(candidates(add_argument, log), IsEmpty());
}

TEST_F(StrategiesTest, ANewArgumentIsWhatTheKernelsHeadersPass) {
  put("old", "linux/x.h", "int x_get(struct x *x);\n");
  put("new", "linux/x.h",
      "int x_get(struct x *x, int flags);\nstatic inline int x_peek(struct x *x) { return x_get(x, X_NONE); }\n");
  driver("void f(void) { x_get(&a); }\n");
  const auto found = candidates(add_argument, "nvidia/nv.c:1:5: error: too few arguments to function 'x_get'\n");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(result(found[0]), "void f(void) { x_get(&a, X_NONE); }\n");
}

TEST_F(StrategiesTest, AFunctionThatReturnsNothingNowSucceeds) {
  put("old", "linux/fence.h", "int dma_fence_signal(struct dma_fence *fence);\n");
  put("new", "linux/fence.h", "void dma_fence_signal(struct dma_fence *fence);\n");
  driver("int f(void) {\n  return dma_fence_signal(fence);\n}\n");
  const auto found = candidates(ignore_result,
                                "nvidia/nv.c:2:10: error: void value not ignored as it ought to be\n"
                                "    2 |   return dma_fence_signal(fence);\n      |          ^~~~~~~~~~~~~~~~\n");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_THAT(result(found[0]), HasSubstr("  dma_fence_signal(fence);\n  return 0;"));
}

TEST_F(StrategiesTest, AHeaderThatMovedIsFoundByWhatItDeclared) {
  put("old", "linux/dma-buf-map.h", "struct dma_map { void *p; };\nint dma_map_is_null(void);\n");
  put("new", "linux/iosys-map.h", "struct dma_map { void *p; };\nint dma_map_is_null(void);\n");
  driver("#include <linux/dma-buf-map.h>\n");
  const auto found =
      candidates(move_header, "nvidia/nv.c:1:10: fatal error: linux/dma-buf-map.h: No such file or directory\n");
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(result(found[0]), "#include <linux/iosys-map.h>\n");
  EXPECT_THAT(found[1].why, HasSubstr("nothing"));
}

TEST_F(StrategiesTest, AFieldOfAMemberIsReadThroughIt) {
  put("old", "linux/fb.h", "struct fb_dev {\n  struct obj *obj;\n};\n");
  put("new", "linux/fb.h", "struct base_dev {\n  struct obj *obj;\n};\nstruct fb_dev {\n  struct base_dev base;\n};\n");
  driver("void f(void) {\n  use(a->fb->obj, 1);\n}\n");
  const auto found = candidates(move_field, "nvidia/nv.c:2:9: error: 'struct fb_dev' has no member named 'obj'\n");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_THAT(result(found[0]), HasSubstr("use(a->fb->base.obj, 1);"));
}

// drm_mode_config in 5.18: the new flag is the opposite of the one that is gone.
TEST_F(StrategiesTest, AFlagThatIsGoneIsNotTheNewFlag) {
  put("old", "linux/ticker.h", "struct ticker {\n  bool allow_rings;\n  struct ring *first;\n};\n");
  put("new", "linux/ticker.h", "struct ticker {\n  bool rings_not_supported;\n  struct ring *first;\n};\n");
  driver("void f(struct ticker *t) { t->allow_rings = true; }\n");
  const std::string log = "nvidia/nv.c:1:29: error: 'struct ticker' has no member named 'allow_rings'\n";
  EXPECT_TRUE(candidates(rename_field, log).empty());
  EXPECT_EQ(candidates(drop_field, log).size(), 1U);
}

// dma_map_ops in 6.19: map_resource is gone, and map_phys has its type.
TEST_F(StrategiesTest, AFieldThatIsGoneIsTheNewOneOfItsType) {
  put("old", "linux/dma-map-ops.h",
      "struct dma_map_ops {\n  dma_addr_t (*map_page)(struct device *dev, struct page *page, size_t size);\n"
      "  dma_addr_t (*map_resource)(struct device *dev, phys_addr_t phys_addr, size_t size);\n"
      "  void (*unmap_page)(struct device *dev, dma_addr_t handle);\n};\n");
  const std::string rest = "  void (*unmap_phys)(struct device *dev, dma_addr_t handle);\n};\n";
  const std::string now =
      "struct dma_map_ops {\n  dma_addr_t (*map_phys)(struct device *dev, phys_addr_t phys, size_t size);\n";
  put("new", "linux/dma-map-ops.h", now + rest);
  driver("bool f(const struct dma_map_ops *ops) { return ops->map_resource != NULL; }\n");
  const std::string log = "nvidia/nv.c:1:53: error: 'const struct dma_map_ops' has no member named 'map_resource'\n";
  const auto found = candidates(rename_field, log);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_FALSE(found[0].proven);
  EXPECT_EQ(found[0].why, "map_phys: it has the same type, and is new since 6.12.1-old");
  EXPECT_EQ(result(found[0]), "bool f(const struct dma_map_ops *ops) { return ops->map_phys != NULL; }\n");
  put("new", "linux/dma-map-ops.h",
      now + "  dma_addr_t (*map_other)(struct device *dev, phys_addr_t phys, size_t size);\n" + rest);
  EXPECT_THAT(candidates(rename_field, log), IsEmpty()) << "it may be either";
}

// The arrays of a DRM commit in 6.19, as a driver's own loop uses them.
TEST_F(StrategiesTest, AFieldInAMacroOfTheDriverIsRenamed) {
  put("old", "drm/drm_atomic.h",
      "struct crtcs_state {\n  struct crtc *ptr;\n  struct crtc_state *state, *old_state;\n};\n");
  put("new", "drm/drm_atomic.h",
      "struct crtcs_state {\n  struct crtc *ptr;\n  struct crtc_state *state_to_destroy;\n};\n");
  driver(
      "#define for_each_crtc(all, one, i) \\\n  for ((i) = 0; \\\n       (one) = (all)->crtcs[i].state, (i) < 2; "
      "++(i))\n"
      "int state;\n");
  const auto found =
      candidates(rename_field, "nvidia/nv.c:3:33: error: 'struct crtcs_state' has no member named 'state'\n");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(
      result(found[0]),
      "#define for_each_crtc(all, one, i) \\\n  for ((i) = 0; \\\n       (one) = (all)->crtcs[i].state_to_destroy, "
      "(i) < 2; ++(i))\nint state;\n");
}

TEST_F(StrategiesTest, AnAccessorOfTheKernelReadsAField) {
  put("old", "linux/page.h", "struct page {\n  struct pgmap *pgmap;\n};\n");
  put("new", "linux/page.h",
      "struct page {\n  int flags;\n};\nstatic inline struct pgmap *page_pgmap(const struct page *page) { return 0; "
      "}\n");
  driver("void f(void) {\n  use(dpage->pgmap);\n}\n");
  const auto found = candidates(use_accessor, "nvidia/nv.c:2:9: error: 'struct page' has no member named 'pgmap'\n");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_THAT(result(found[0]), HasSubstr("use(page_pgmap(dpage));"));
}

TEST_F(StrategiesTest, AReadOnlyFieldIsSetByItsFunctions) {
  put("new", "linux/mm.h",
      "static inline void vm_flags_init(struct vma *vma, vm_flags_t flags) { }\n"
      "static inline void vm_flags_set(struct vma *vma, vm_flags_t flags) { }\n"
      "static inline void vm_flags_clear(struct vma *vma, vm_flags_t flags) { }\n");
  driver("void f(void) {\n  vma->vm_flags |= VM_IO | VM_X;\n  vma->vm_flags &= ~VM_Y;\n}\n");
  const auto found = candidates(use_accessor,
                                "nvidia/nv.c:2:9: error: assignment of read-only member 'vm_flags'\n"
                                "nvidia/nv.c:3:9: error: assignment of read-only member 'vm_flags'\n");
  ASSERT_EQ(found.size(), 2U);
  EXPECT_THAT(result(found[0]), HasSubstr("  vm_flags_set(vma, VM_IO | VM_X);\n  vm_flags_clear(vma, VM_Y);"));
  EXPECT_THAT(result(found[1]), HasSubstr("vm_flags_init(vma, vma->vm_flags | (VM_IO | VM_X));"));
}

TEST_F(StrategiesTest, AFieldThatIsOnlySetIsLeftOut) {
  put("old", "drm/drm_drv.h", "struct drm_driver {\n  char *date;\n  char *name;\n};\n");
  put("new", "drm/drm_drv.h", "struct drm_driver {\n  char *name;\n};\n");
  driver("struct drm_driver d = {\n  .name = \"n\",\n  .date = \"20160202\",\n};\n");
  const std::string log = "nvidia/nv.c:3:4: error: 'struct drm_driver' has no member named 'date'\n";
  const auto found = candidates(drop_field, log);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(result(found[0]), "struct drm_driver d = {\n  .name = \"n\",\n};\n");
  driver("void f(void) {\n\n  print(d->date);\n}\n");
  EXPECT_THAT(candidates(drop_field, log), IsEmpty());
}

TEST_F(StrategiesTest, ACallbackGetsTheParametersOfTheKernel) {
  put("old", "drm/drm_conn.h", "struct drm_funcs {\n  int (*valid)(struct conn *c, struct mode *mode);\n};\n");
  put("new", "drm/drm_conn.h",
      "struct drm_funcs {\n  int (*valid)(struct conn *c, const struct info *info, const struct mode *mode);\n};\n");
  driver(
      "static int nv_valid(struct conn *connector,\n                    struct mode *m)\n{\n  return 0;\n}\n"
      "struct drm_funcs funcs = {\n  .valid = nv_valid,\n};\n");
  const auto found = candidates(
      change_callback,
      "nvidia/nv.c:7:12: error: initialization of 'int (*)(struct conn *, const struct info *, const struct mode *)' "
      "from "
      "incompatible pointer type 'int (*)(struct conn *, struct mode *)' [-Werror=incompatible-pointer-types]\n"
      "    7 |   .valid = nv_valid,\n      |            ^~~~~~~~\n");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_THAT(result(found[0]),
              HasSubstr("nv_valid(struct conn *connector, const struct info *info, const struct mode *m)"));
}

TEST_F(StrategiesTest, ACallbackWithABranchInItsParametersGetsNewOnesBeforeIt) {
  put("old", "drm/drm_fb.h", "struct fb_funcs {\n  int (*create)(struct dev *dev, const struct cmd *cmd);\n};\n");
  put("new", "drm/drm_fb.h",
      "struct fb_funcs {\n  int (*create)(struct dev *dev, const struct info *info, const struct cmd *cmd);\n};\n");
  driver(
      "static int nv_create(struct dev *d,\n#if defined(NV_CONST)\n  const struct cmd *c\n#else\n  struct cmd *c\n"
      "#endif\n)\n{\n  return 0;\n}\nstruct fb_funcs funcs = {\n  .create = nv_create,\n};\n");
  const auto found = candidates(
      change_callback,
      "nvidia/nv.c:12:13: error: initialization of 'int (*)(struct dev *, const struct info *, const struct cmd *)' "
      "from "
      "incompatible pointer type 'int (*)(struct dev *, const struct cmd *)' [-Wincompatible-pointer-types]\n"
      "   12 |   .create = nv_create,\n      |             ^~~~~~~~~\n");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_THAT(result(found[0]), HasSubstr("nv_create(struct dev *d, const struct info *info,\n#if defined(NV_CONST)"));
}

// vm_flags in 6.3, and a conftest that does not see it: the driver itself has the code for such a kernel.
TEST_F(StrategiesTest, TheDriversOwnBranchForSuchAKernelIsTaken) {
  put("new", "linux/mm.h", "static inline void vm_flags_set(struct vma *vma, vm_flags_t flags) { }\n");
  const std::string code =
      "void f(struct vma *v)\n{\n#if defined(NV_CONST_VM_FLAGS)\n  vm_flags_set(v, 1);\n#else\n"
      "  v->vm_flags |= 1;\n#endif\n}\n";
  const std::string error = "nvidia/nv.c:6:15: error: assignment of read-only member 'vm_flags'\n";
  tree_ = transform::SourceTree::of({{"nvidia/nv.c", code}, {"conftest.sh", "compile_check NV_CONST_VM_FLAGS\n"}});
  const auto found = candidates(other_branch, error);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_FALSE(found[0].proven);
  EXPECT_EQ(found[0].why,
            "the driver's code for a kernel with NV_CONST_VM_FLAGS has vm_flags_set(), which this kernel declares");
  auto changed = code;
  EXPECT_EQ(result(found[0]), changed.insert(code.find("#if"), "#define NV_CONST_VM_FLAGS\n"));

  // The same with the branches in the other order.
  tree_ = transform::SourceTree::of({{"nvidia/nv.c",
                                      "void f(struct vma *v)\n{\n# ifndef NV_CONST_VM_FLAGS\n  v->vm_flags |= 1;\n"
                                      "# else\n  vm_flags_set(v, 1);\n# endif\n}\n"},
                                     {"conftest.sh", "compile_check NV_CONST_VM_FLAGS\n"}});
  const auto other = candidates(other_branch, "nvidia/nv.c:4:15: error: assignment of read-only member 'vm_flags'\n");
  ASSERT_EQ(other.size(), 1U);
  EXPECT_THAT(result(other[0]), HasSubstr("{\n#define NV_CONST_VM_FLAGS\n# ifndef NV_CONST_VM_FLAGS\n"));

  // conftest does not ask for it.
  tree_ = transform::SourceTree::of({{"nvidia/nv.c", code}, {"conftest.sh", "compile_check NV_OTHER\n"}});
  EXPECT_THAT(candidates(other_branch, error), IsEmpty());
  // The other branch does something else: without it the driver would lose what it does here.
  auto less = code;
  less.replace(less.find("vm_flags_set(v, 1)"), 18, "printk(\"none\")");
  tree_ = transform::SourceTree::of({{"nvidia/nv.c", less}, {"conftest.sh", "compile_check NV_CONST_VM_FLAGS\n"}});
  EXPECT_THAT(candidates(other_branch, error), IsEmpty());
  // A second place is not in such a branch.
  tree_ = transform::SourceTree::of({{"nvidia/nv.c", code + "void g(struct vma *v) { v->vm_flags |= 1; }\n"},
                                     {"conftest.sh", "compile_check NV_CONST_VM_FLAGS\n"}});
  EXPECT_THAT(candidates(other_branch, error + "nvidia/nv.c:9:37: error: assignment of read-only member 'vm_flags'\n"),
              IsEmpty());
}

// EXTRA_CFLAGS in 6.15.
TEST_F(StrategiesTest, AVariableThatKbuildNoLongerReadsGetsItsNewName) {
  kernel::KernelHeaders old{"6.12.1-old", {}};
  old.makefiles = {scratch_.write("old/Makefile.lib", "# compatible\nccflags-y += $(EXTRA_CFLAGS)\nX += $(OTHER)\n")};
  kernel::KernelHeaders now{"7.2.0-new", {}};
  now.makefiles = {scratch_.write("new/Makefile.lib", "c_flags = $(ccflags-y)\n")};
  const auto tree = transform::SourceTree::of(
      {{"Kbuild", "EXTRA_CFLAGS += -Icommon\nOTHER = $(EXTRA_CFLAGS)\nNV_LIST = a\nobj-m := $(NV_LIST)\n"},
       {"nvidia/nvidia.Kbuild", "EXTRA_CFLAGS += -DNV\n"}});
  const auto found = unread_variables(tree, now, {old});
  ASSERT_EQ(found.size(), 1U);  // nothing reads X in this kernel
  EXPECT_TRUE(found[0].proven);
  EXPECT_EQ(found[0].draft.change, "kbuild-variable rename EXTRA_CFLAGS -> ccflags-y");
  EXPECT_EQ(found[0].why, "6.12.1-old adds its value to ccflags-y, which this kernel reads");
  EXPECT_THAT(found[0].draft.text, HasSubstr("when:\n  kernel:\n    lacks: {kbuild: EXTRA_CFLAGS}\n  driver: {"));
  const auto recipe = recipe::parse_recipe(found[0].draft.text, found[0].draft.id + ".yaml", {});
  ASSERT_TRUE(recipe) << recipe.error().message();
  auto changed = tree;
  for (const auto& each : recipe->steps) ASSERT_TRUE(each.transform->apply(changed));
  EXPECT_EQ(*changed.read("nvidia/nvidia.Kbuild"), "ccflags-y += -DNV\n");
  EXPECT_THAT(*changed.read("Kbuild"), HasSubstr("ccflags-y += -Icommon\n"));

  EXPECT_THAT(unread_variables(tree, old, {old}), IsEmpty());
  EXPECT_THAT(unread_variables(tree, now, {}), IsEmpty());
}

// gcc 14 and 15: what conftest's tests rely on.
TEST_F(StrategiesTest, ConftestGetsTheKernelsOptions) {
  const auto tree = transform::SourceTree::of({{"Kbuild", "NV_CONFTEST_CFLAGS = $(NV_CFLAGS_FROM_CONFTEST)\n"}});
  const auto found = conftest_options(tree, "7.2.0-new");
  ASSERT_EQ(found.size(), 2U);
  auto changed = tree;
  for (const auto& each : found) {
    EXPECT_FALSE(each.proven);
    const auto recipe = recipe::parse_recipe(each.draft.text, each.draft.id + ".yaml", {});
    ASSERT_TRUE(recipe) << recipe.error().message();
    for (const auto& one : recipe->steps) ASSERT_TRUE(one.transform->apply(changed));
  }
  EXPECT_EQ(*changed.read("Kbuild"),
            "NV_CONFTEST_CFLAGS = $(NV_CFLAGS_FROM_CONFTEST)\n"
            "NV_CONFTEST_CFLAGS += $(filter -std=% -fms-extensions,$(KBUILD_CFLAGS))\n"
            "NV_CONFTEST_CFLAGS += -Wno-error=implicit-function-declaration -Wno-error=implicit-int "
            "-Wno-error=int-conversion -Wno-error=incompatible-pointer-types\n");
  EXPECT_THAT(conftest_options(transform::SourceTree::of({{"Kbuild", "obj-m := nvidia.o\n"}}), "7.2.0-new"), IsEmpty());
}

}  // namespace
}  // namespace vgpukit::authoring
