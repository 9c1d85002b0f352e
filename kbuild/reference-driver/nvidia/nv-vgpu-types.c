/* SPDX-License-Identifier: MIT */
/*
 * The resource manager: the vGPU types, and how many more of them a card can have. (In a real driver this is in the
 * binary object.)
 */

#include "nv.h"

/* Guards vgpus_of_type of all cards. Never nv_linux_devices_lock: that one is held while vGPUs are being removed. */
static DEFINE_MUTEX(nv_rm_lock);

#define NV_FRAME_NS (1000000000ULL / 60)

static const struct
{
    const char *name;
    NvU32 framebuffer_mib;
    NvU32 max_instance;
} nv_vgpu_types[NV_MAX_VGPU_TYPES] = {
    { "GRID REF-1Q", 1024, 4 },     /* nvidia-1 */
    { "GRID REF-2Q", 2048, 2 },     /* nvidia-2 */
};

static NvBool rm_is_type(NvU32 type_id)
{
    return type_id >= 1 && type_id <= NV_MAX_VGPU_TYPES;
}

/* Time-sliced vGPUs of one card are all of the same type. nv_rm_lock is held. */
static NvU32 rm_free_instances(nv_linux_state_t *nvl, NvU32 type_id)
{
    NvU32 other;

    for (other = 1; other <= NV_MAX_VGPU_TYPES; other++)
        if (other != type_id && nvl->vgpus_of_type[other - 1] != 0)
            return 0;
    if (nvl->pci_dev->is_virtfn)
        return 1 - nvl->vgpus_of_type[type_id - 1];
    return nv_vgpu_types[type_id - 1].max_instance - nvl->vgpus_of_type[type_id - 1];
}

static NvU32 rm_get_instances(void *nv, NvU32 type_id)
{
    NvU32 count = 0;

    mutex_lock(&nv_rm_lock);
    if (rm_is_type(type_id))
        count = rm_free_instances(nv, type_id);
    mutex_unlock(&nv_rm_lock);
    return count;
}

static NV_STATUS rm_vgpu_create(void *nv, NvU32 type_id)
{
    nv_linux_state_t *nvl = nv;
    NV_STATUS status = NV_ERR_INVALID_ARGUMENT;

    mutex_lock(&nv_rm_lock);
    if (rm_is_type(type_id))
    {
        status = NV_ERR_INSUFFICIENT_RESOURCES;
        if (rm_free_instances(nvl, type_id) != 0)
        {
            nvl->vgpus_of_type[type_id - 1]++;
            status = NV_OK;
        }
    }
    mutex_unlock(&nv_rm_lock);
    return status;
}

static void rm_vgpu_delete(void *nv, NvU32 type_id)
{
    nv_linux_state_t *nvl = nv;

    mutex_lock(&nv_rm_lock);
    nvl->vgpus_of_type[type_id - 1]--;
    mutex_unlock(&nv_rm_lock);
}

static const char *rm_get_name(NvU32 type_id)
{
    return rm_is_type(type_id) ? nv_vgpu_types[type_id - 1].name : "";
}

static int rm_get_description(NvU32 type_id, char *buf, size_t size)
{
    if (!rm_is_type(type_id))
        return 0;
    return scnprintf(buf, size, "num_heads=4, frl_config=60, framebuffer=%uM, max_resolution=5120x2880, max_instance=%u\n",
                     nv_vgpu_types[type_id - 1].framebuffer_mib, nv_vgpu_types[type_id - 1].max_instance);
}

/* The frame rate limiter: every open vGPU gets a vertical blank interrupt, 60 times a second. */
static void rm_frame(void *arg)
{
    nv_linux_state_t *nvl = arg;
    unsigned long flags;
    NvBool open = false;
    int i;

    spin_lock_irqsave(&nvl->vgpu_refs_lock, flags);
    for (i = 0; i < NV_MAX_VGPUS_PER_CARD; i++)
    {
        if (!nvl->vgpu_refs[i])
            continue;
        open = true;
        nv_vgpu_vfio_inject_interrupt(nvl->vgpu_refs[i]);
    }
    if (open)
    {
        nvl->vblanks++;
        nv_start_nano_timer(nvl->frame_timer, NV_FRAME_NS);
    }
    spin_unlock_irqrestore(&nvl->vgpu_refs_lock, flags);
}

static NV_STATUS rm_vgpu_replace_ref(nv_linux_state_t *nvl, void *from, void *to)
{
    NV_STATUS status = NV_ERR_INSUFFICIENT_RESOURCES;
    unsigned long flags;
    int i;

    spin_lock_irqsave(&nvl->vgpu_refs_lock, flags);
    for (i = 0; i < NV_MAX_VGPUS_PER_CARD; i++)
    {
        if (nvl->vgpu_refs[i] != from)
            continue;
        nvl->vgpu_refs[i] = to;
        if (to)
            nv_start_nano_timer(nvl->frame_timer, NV_FRAME_NS);
        status = NV_OK;
        break;
    }
    spin_unlock_irqrestore(&nvl->vgpu_refs_lock, flags);
    return status;
}

static NV_STATUS rm_vgpu_start(void *nv, void *vgpu_ref)
{
    return rm_vgpu_replace_ref(nv, NULL, vgpu_ref);
}

/* When this returns, vgpu_ref gets no more interrupts: they are sent under the lock that this takes. */
static void rm_vgpu_stop(void *nv, void *vgpu_ref)
{
    rm_vgpu_replace_ref(nv, vgpu_ref, NULL);
}

NV_STATUS rm_init_card(nv_linux_state_t *nvl)
{
    spin_lock_init(&nvl->vgpu_refs_lock);
    nvl->frame_timer = nv_create_nano_timer(rm_frame, nvl);
    return nvl->frame_timer ? NV_OK : NV_ERR_INSUFFICIENT_RESOURCES;
}

void rm_free_card(nv_linux_state_t *nvl)
{
    nv_destroy_nano_timer(nvl->frame_timer);
}

/* Fills in the ids of all types, returns their number. */
NvU32 rm_get_vgpu_types(NvU32 *type_ids)
{
    NvU32 i;

    for (i = 0; i < NV_MAX_VGPU_TYPES; i++)
        type_ids[i] = i + 1;
    return NV_MAX_VGPU_TYPES;
}

void rm_fill_vgpu_ops(rm_vgpu_vfio_ops_t *ops)
{
    ops->vgpu_create     = rm_vgpu_create;
    ops->vgpu_delete     = rm_vgpu_delete;
    ops->vgpu_start      = rm_vgpu_start;
    ops->vgpu_stop       = rm_vgpu_stop;
    ops->get_name        = rm_get_name;
    ops->get_description = rm_get_description;
    ops->get_instances   = rm_get_instances;
}
