/* SPDX-License-Identifier: MIT */
#ifndef _NV_LINUX_H_
#define _NV_LINUX_H_

#include "conftest.h"

#include <linux/errno.h>
#include <linux/fs.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/uaccess.h>

#include "nvtypes.h"

#define MODULE_NAME "nvidia"

#endif
