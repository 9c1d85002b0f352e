# SPDX-License-Identifier: MIT
#
# Every make of a driver's build reads this file through the variable MAKEFILES. In the make that reads the driver's
# Kbuild it sets another goal, which writes the following files to the folder VGPUKIT_ASK, and stops:
#   command, environment   how Kbuild calls conftest.sh, exactly as the shell would receive it
#   lists                  the tests that Kbuild wants; written last
#   directory, compile     the compile command of each C file of VGPUKIT_SOURCES, and the file's name in it
# The goal depends on conftest/patches.h: in every generation of the driver this rule runs what has to come before the
# tests, which are the sanity checks and conftest/uts_release. Kbuild's c_flags depend on the target ($@), the stem ($*)
# and part-of-module of an object's rule; the loops set these.
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
