/* SPDX-License-Identifier: MIT */
/*
 * Where nvidia-vgpu-vfio.ko finds nvidia.ko: with symbol_get() rather than by linking, so that the licence of one
 * module does not affect the other one.
 */

#include <linux/string.h>
#include "nv.h"

static vgpu_vfio_ops_t *vgpu_vfio_ops;

NV_STATUS nvidia_vgpu_vfio_probe(nv_linux_state_t *nvl)
{
    NvU32 type_ids[VFIO_MAX_VGPU_TYPES_PER_PGPU];

    if (!vgpu_vfio_ops)
        return NV_OK;
    return vgpu_vfio_ops->probe(nvl->pci_dev, nvl, rm_get_vgpu_types(type_ids), type_ids);
}

void nvidia_vgpu_vfio_remove(nv_linux_state_t *nvl)
{
    if (vgpu_vfio_ops)
        vgpu_vfio_ops->remove(nvl->pci_dev);
}

/* In interrupt context. Only for vGPUs that are open, so the other module is there. */
NV_STATUS nv_vgpu_vfio_inject_interrupt(void *vgpu_ref)
{
    return vgpu_vfio_ops->inject_interrupt(vgpu_ref);
}

/* NULL takes all cards away from the other module again. */
NV_STATUS nvidia_vgpu_vfio_set_ops(vgpu_vfio_ops_t *ops)
{
    nv_linux_state_t *nvl;
    NV_STATUS status = NV_OK;

    mutex_lock(&nv_linux_devices_lock);
    if (ops && vgpu_vfio_ops)
    {
        status = NV_ERR_INVALID_STATE;
    }
    else if (ops)
    {
        vgpu_vfio_ops = ops;
        list_for_each_entry(nvl, &nv_linux_devices, next)
            if (nvidia_vgpu_vfio_probe(nvl) != NV_OK)
                pci_err(nvl->pci_dev, "NVRM: nvidia-vgpu-vfio does not want this device\n");
    }
    else
    {
        list_for_each_entry(nvl, &nv_linux_devices, next)
            nvidia_vgpu_vfio_remove(nvl);
        vgpu_vfio_ops = NULL;
    }
    mutex_unlock(&nv_linux_devices_lock);
    return status;
}
EXPORT_SYMBOL(nvidia_vgpu_vfio_set_ops);

NV_STATUS nvidia_vgpu_vfio_get_ops(rm_vgpu_vfio_ops_t *ops)
{
    if (strcmp(ops->version_string, NV_VERSION_STRING) != 0)
    {
        ops->version_string = NV_VERSION_STRING;
        return NV_ERR_INVALID_ARGUMENT;
    }
    rm_fill_vgpu_ops(ops);
    return NV_OK;
}
EXPORT_SYMBOL(nvidia_vgpu_vfio_get_ops);
