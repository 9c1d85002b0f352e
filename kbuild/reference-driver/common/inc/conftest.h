/* SPDX-License-Identifier: MIT */
#ifndef _CONFTEST_H
#define _CONFTEST_H

/* What conftest.sh found out about the kernel. */
#include "conftest/headers.h"
#include "conftest/functions.h"
#include "conftest/generic.h"
#include "conftest/macros.h"
#include "conftest/symbols.h"
#include "conftest/types.h"
#include "conftest/patches.h"

#endif
