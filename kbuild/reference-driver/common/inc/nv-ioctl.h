/* SPDX-License-Identifier: MIT */
#ifndef NV_IOCTL_H
#define NV_IOCTL_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* Requests to /dev/nvidiactl. */

struct nv_ioctl_card_info
{
    __u32 index;            /* in: 0 is the first card */
    __u32 vendor_device;    /* out: vendor in the upper half */
    __u32 rc_ticks;         /* out: how often the watchdog looked at the card */
    __u32 vblanks;          /* out: frames that the limiter counted while vGPUs were open */
};

struct nv_ioctl_lookup_io
{
    __u64 address;          /* in: user address in a mapping of I/O memory */
    __u64 page_count;       /* in */
    __u64 first_pfn;        /* out: page frame behind address */
};

#define NV_IOCTL_MAGIC      'F'
#define NV_ESC_CARD_INFO    _IOWR(NV_IOCTL_MAGIC, 200, struct nv_ioctl_card_info)
#define NV_ESC_LOOKUP_IO    _IOWR(NV_IOCTL_MAGIC, 201, struct nv_ioctl_lookup_io)

#endif
