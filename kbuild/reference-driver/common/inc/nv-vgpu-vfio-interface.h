/* SPDX-License-Identifier: MIT */
#ifndef _NV_VGPU_VFIO_INTERFACE_H_
#define _NV_VGPU_VFIO_INTERFACE_H_

#include <linux/pci.h>
#include "nvtypes.h"

/*
 * The interface between the two modules. nvidia.ko (proprietary) has cards and types, nvidia-vgpu-vfio.ko (MIT/GPL) has
 * VFIO and mdev, whose functions are GPL-only. Each gives the other one a table of functions.
 */

#define VFIO_MAX_VGPU_TYPES_PER_PGPU 8
#define NV_NO_PLACEMENT 0xffffffffU

/* Of a physical function. A new start of the card, as sriov-manage brings about, clears the last two. */
enum { NV_MODE_MIG, NV_MODE_MIXED_SIZES, NV_MODE_GPU_INSTANCES };

/* What nvidia.ko calls. "nv" is its name for a card, to be handed back as it is. */
typedef struct
{
    NV_STATUS (*probe)(struct pci_dev *pci_dev, void *nv, NvU32 num_types, const NvU32 *type_ids);
    void (*remove)(struct pci_dev *pci_dev);
    NV_STATUS (*inject_interrupt)(void *vgpu_ref);
} vgpu_vfio_ops_t;

/* What nvidia-vgpu-vfio.ko calls. It fills in version_string and gets the rest, if the versions are the same. */
typedef struct
{
    const char *version_string;
    NV_STATUS (*vgpu_create)(void *nv, NvU32 type_id);
    void (*vgpu_delete)(void *nv, NvU32 type_id);
    NV_STATUS (*vgpu_start)(void *nv, void *vgpu_ref);
    void (*vgpu_stop)(void *nv, void *vgpu_ref);
    const char *(*get_name)(NvU32 type_id);
    int (*get_description)(NvU32 type_id, char *buf, size_t size);
    NvU32 (*get_instances)(void *nv, NvU32 type_id);
    NV_STATUS (*vgpu_place)(void *nv, NvU32 type_id, NvU32 slot);
    NvU32 (*get_placement)(void *nv);
    NvU32 (*get_mode)(void *nv, NvU32 mode);
    NV_STATUS (*set_mode)(void *nv, NvU32 mode, NvU32 value);
} rm_vgpu_vfio_ops_t;

NV_STATUS nvidia_vgpu_vfio_set_ops(vgpu_vfio_ops_t *vgpu_vfio_ops);
NV_STATUS nvidia_vgpu_vfio_get_ops(rm_vgpu_vfio_ops_t *ops);

#endif
