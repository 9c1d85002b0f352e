/* SPDX-License-Identifier: MIT */
/*
 * The resource manager: the vGPU types, how many more of them a card can have, and the modes that decide it. (In a real
 * driver this is in the binary object, and nvidia-smi sets the modes.)
 */

#include "nv.h"

/* Guards what follows, and all fields of cards that belong to vGPUs. Never nv_linux_devices_lock: that one is held while
 * vGPUs are being removed. */
static DEFINE_MUTEX(nv_rm_lock);
static LIST_HEAD(nv_rm_cards);
/* The card in MIG mode: at most one. It is not part of the card, because the mode survives a new start of the card. */
static struct pci_dev *nv_mig_card;

#define NV_CARD_SLOTS 4             /* of 1 GiB */
#define NV_MAX_GPU_INSTANCES 2      /* of 2 GiB */

#define NV_FRAME_NS (1000000000ULL / 60)

static const struct
{
    const char *name;
    NvU32 framebuffer_mib;
    NvU32 max_instance;
    NvBool mig;                             /* on a GPU instance */
} nv_vgpu_types[NV_MAX_VGPU_TYPES] = {
    { "GRID REF-1Q", 1024, 4, false },      /* nvidia-1 */
    { "GRID REF-2Q", 2048, 2, false },      /* nvidia-2 */
    { "GRID REF-1-2Q", 2048, 2, true },     /* nvidia-3 */
};

static NvBool rm_is_type(NvU32 type_id)
{
    return type_id >= 1 && type_id <= NV_MAX_VGPU_TYPES;
}

/* The vGPUs of a type on a whole card. nv_rm_lock is held, as for the following functions. */
static NvU32 rm_used(nv_linux_state_t *nvl, NvU32 type_id)
{
    nv_linux_state_t *other;
    NvU32 used = 0;

    list_for_each_entry(other, &nv_rm_cards, rm_next)
        if (pci_physfn(other->pci_dev) == pci_physfn(nvl->pci_dev))
            used += other->vgpus_of_type[type_id - 1];
    return used;
}

/* The physical function of a virtual one, or the card itself. NULL while another driver has it. */
static nv_linux_state_t *rm_card_of(nv_linux_state_t *nvl)
{
    nv_linux_state_t *card;

    list_for_each_entry(card, &nv_rm_cards, rm_next)
        if (card->pci_dev == pci_physfn(nvl->pci_dev))
            return card;
    return NULL;
}

/* Time-sliced vGPUs of one card are all of the same type, unless mixed sizes are on. */
static NvU32 rm_free_instances(nv_linux_state_t *nvl, NvU32 type_id)
{
    nv_linux_state_t *card = rm_card_of(nvl);
    NvBool mig = nv_mig_card == pci_physfn(nvl->pci_dev);
    NvBool mixed = card && card->mixed_sizes;
    NvU32 mib = 0;
    NvU32 free, other;

    if (nv_vgpu_types[type_id - 1].mig != mig)
        return 0;
    for (other = 1; other <= NV_MAX_VGPU_TYPES; other++)
    {
        mib += rm_used(nvl, other) * nv_vgpu_types[other - 1].framebuffer_mib;
        if (other != type_id && !mixed && rm_used(nvl, other) != 0)
            return 0;
        if (nvl->pci_dev->is_virtfn && nvl->vgpus_of_type[other - 1] != 0)
            return 0;
    }
    if (mig)
        free = (card ? card->gpu_instances : 0) - rm_used(nvl, type_id);
    else
        free = (NV_CARD_SLOTS * 1024 - mib) / nv_vgpu_types[type_id - 1].framebuffer_mib;
    return nvl->pci_dev->is_virtfn && free > 1 ? 1 : free;
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
    nvl->placement = NV_NO_PLACEMENT;
    mutex_unlock(&nv_rm_lock);
}

/* A vGPU on a virtual function begins at this slot of the card. */
static NV_STATUS rm_vgpu_place(void *nv, NvU32 type_id, NvU32 slot)
{
    nv_linux_state_t *nvl = nv, *other;
    NvU32 slots, i, other_slots;
    NV_STATUS status = NV_OK;

    if (!rm_is_type(type_id))
        return NV_ERR_INVALID_ARGUMENT;
    slots = nv_vgpu_types[type_id - 1].framebuffer_mib / 1024;
    if (slot % slots != 0 || slot >= NV_CARD_SLOTS)
        return NV_ERR_INVALID_ARGUMENT;
    mutex_lock(&nv_rm_lock);
    list_for_each_entry(other, &nv_rm_cards, rm_next)
    {
        if (other == nvl || other->placement == NV_NO_PLACEMENT ||
            pci_physfn(other->pci_dev) != pci_physfn(nvl->pci_dev))
            continue;
        for (i = 1, other_slots = 0; i <= NV_MAX_VGPU_TYPES; i++)
            other_slots += other->vgpus_of_type[i - 1] * (nv_vgpu_types[i - 1].framebuffer_mib / 1024);
        if (slot < other->placement + other_slots && other->placement < slot + slots)
            status = NV_ERR_INSUFFICIENT_RESOURCES;
    }
    if (status == NV_OK)
        nvl->placement = slot;
    mutex_unlock(&nv_rm_lock);
    return status;
}

static NvU32 rm_get_placement(void *nv)
{
    return ((nv_linux_state_t *)nv)->placement;
}

static NvU32 rm_get_mode(void *nv, NvU32 mode)
{
    nv_linux_state_t *nvl = nv;

    switch (mode)
    {
        case NV_MODE_MIG:
            return nv_mig_card == nvl->pci_dev;
        case NV_MODE_MIXED_SIZES:
            return nvl->mixed_sizes;
        default:
            return nvl->gpu_instances;
    }
}

/* Nothing of it can be changed while the card has vGPUs; MIG mode only without virtual functions, too. */
static NV_STATUS rm_set_mode(void *nv, NvU32 mode, NvU32 value)
{
    nv_linux_state_t *nvl = nv, *other;
    NV_STATUS status = NV_OK;
    NvU32 type_id;

    mutex_lock(&nv_rm_lock);
    for (type_id = 1; type_id <= NV_MAX_VGPU_TYPES; type_id++)
        if (rm_used(nvl, type_id) != 0)
            status = NV_ERR_INVALID_STATE;
    list_for_each_entry(other, &nv_rm_cards, rm_next)
        if (mode == NV_MODE_MIG && other != nvl && pci_physfn(other->pci_dev) == nvl->pci_dev)
            status = NV_ERR_INVALID_STATE;
    if (value > (mode == NV_MODE_GPU_INSTANCES ? NV_MAX_GPU_INSTANCES : 1))
        status = NV_ERR_INSUFFICIENT_RESOURCES;
    if ((mode == NV_MODE_GPU_INSTANCES) != (nv_mig_card == nvl->pci_dev) && mode != NV_MODE_MIG)
        status = NV_ERR_NOT_SUPPORTED;
    if (status == NV_OK && mode == NV_MODE_MIG)
        nv_mig_card = value ? nvl->pci_dev : NULL;
    else if (status == NV_OK && mode == NV_MODE_MIXED_SIZES)
        nvl->mixed_sizes = value;
    else if (status == NV_OK)
        nvl->gpu_instances = value;
    mutex_unlock(&nv_rm_lock);
    return status;
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
    nvl->placement = NV_NO_PLACEMENT;
    nvl->frame_timer = nv_create_nano_timer(rm_frame, nvl);
    if (!nvl->frame_timer)
        return NV_ERR_INSUFFICIENT_RESOURCES;
    mutex_lock(&nv_rm_lock);
    list_add_tail(&nvl->rm_next, &nv_rm_cards);
    mutex_unlock(&nv_rm_lock);
    return NV_OK;
}

void rm_free_card(nv_linux_state_t *nvl)
{
    mutex_lock(&nv_rm_lock);
    list_del(&nvl->rm_next);
    mutex_unlock(&nv_rm_lock);
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
    ops->vgpu_place      = rm_vgpu_place;
    ops->get_placement   = rm_get_placement;
    ops->get_mode        = rm_get_mode;
    ops->set_mode        = rm_set_mode;
}
