# SPDX-License-Identifier: MIT
#
# Read by every make of a driver's build through the variable MAKEFILES. In the one that reads the driver's Kbuild it puts another
# goal in front: say how conftest.sh would be called and which tests are wanted, exactly as the shell would get them, and stop.
# patches.h stands for what comes before the tests in every generation of the driver: sanity checks and conftest/uts_release.
# And how it would compile each C file of VGPUKIT_SOURCES, and by which name the file goes there: Kbuild's c_flags go by the target
# ($@), the stem ($*) and a variable of an object's rule, which the loops pretend to be.
ifneq ($(and $(obj),$(KBUILD_EXTMOD),$(VGPUKIT_ASK)),)
.PHONY: vgpukit-ask
vgpukit-ask: $(obj)/conftest/patches.h
	@env -0 > $(VGPUKIT_ASK)/environment
	@printf '%s\0' $(NV_CONFTEST_CMD) compile_tests '$(NV_CONFTEST_CFLAGS)' > $(VGPUKIT_ASK)/command
	@printf '%s\n' functions: $(NV_CONFTEST_FUNCTION_COMPILE_TESTS) generic: $(NV_CONFTEST_GENERIC_COMPILE_TESTS) \
	  macros: $(NV_CONFTEST_MACRO_COMPILE_TESTS) symbols: $(NV_CONFTEST_SYMBOL_COMPILE_TESTS) \
	  types: $(NV_CONFTEST_TYPE_COMPILE_TESTS) > $(VGPUKIT_ASK)/lists.part
	@printf '%s\n' headers: $(NV_HEADER_PRESENCE_TESTS) >> $(VGPUKIT_ASK)/lists.part
	@printf '%s\n' '$(CURDIR)' > $(VGPUKIT_ASK)/directory
	$(file > $(VGPUKIT_ASK)/compile)$(foreach part-of-module,y,$(foreach *,$(basename $(VGPUKIT_SOURCES)),\
	  $(foreach @,$(patsubst ./%,%,$(obj)/$(*).o),\
	    $(file >> $(VGPUKIT_ASK)/compile,$(*).c $(src)/$(*).c := $(CC) $(c_flags)))))
	@mv $(VGPUKIT_ASK)/lists.part $(VGPUKIT_ASK)/lists
	@false
.DEFAULT_GOAL := vgpukit-ask
endif
