/* SPDX-License-Identifier: MIT */
#ifndef _NVTYPES_H_
#define _NVTYPES_H_

#include <linux/types.h>

typedef u8   NvU8;
typedef u32  NvU32;
typedef u64  NvU64;
typedef bool NvBool;

/* What the resource manager answers; the kernel's errno values never cross that border. */
typedef enum
{
    NV_OK = 0,
    NV_ERR_INVALID_ARGUMENT,
    NV_ERR_INVALID_ADDRESS,
    NV_ERR_INVALID_STATE,
    NV_ERR_INSUFFICIENT_RESOURCES,
    NV_ERR_OBJECT_NOT_FOUND,
    NV_ERR_NOT_SUPPORTED,
} NV_STATUS;

#endif
