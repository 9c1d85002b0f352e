/* SPDX-License-Identifier: MIT */
#ifndef _NV_H_
#define _NV_H_

#include <linux/timer.h>
#include "nv-linux.h"
#include "nv-vgpu-vfio-interface.h"

#define NV_MAX_VGPUS_PER_CARD 4
#define NV_MAX_VGPU_TYPES 3

typedef struct nv_nano_timer nv_nano_timer_t;

/* A card: a physical function, or a virtual one. */
typedef struct nv_linux_state_s
{
    struct list_head next;                      /* in nv_linux_devices */
    struct pci_dev *pci_dev;

    struct timer_list rc_timer;                 /* "robust channel": once a second, is the card still alive? */
    NvU32 rc_ticks;

    struct list_head rm_next;                   /* in nv_rm_cards; this and what follows under nv_rm_lock */
    NvU32 vgpus_of_type[NV_MAX_VGPU_TYPES];
    NvU32 placement;                            /* of the vGPU on a virtual function */
    NvU32 mixed_sizes;                          /* of a physical function, as is the next */
    NvU32 gpu_instances;
    void *vgpu_refs[NV_MAX_VGPUS_PER_CARD];     /* open vGPUs, under vgpu_refs_lock */
    spinlock_t vgpu_refs_lock;
    nv_nano_timer_t *frame_timer;               /* runs while a vGPU is open */
    NvU32 vblanks;
} nv_linux_state_t;

extern struct list_head nv_linux_devices;
extern struct mutex nv_linux_devices_lock;

/* nv.c */
void nv_start_rc_timer(nv_linux_state_t *nvl);
void nv_stop_rc_timer(nv_linux_state_t *nvl);

/* nv-pci.c */
int nv_pci_register_driver(void);
void nv_pci_unregister_driver(void);

/* nv-mmap.c */
int nvidia_mmap(struct file *file, struct vm_area_struct *vma);

/* os-mlock.c */
NV_STATUS os_lookup_user_io_memory(void *address, NvU64 page_count, NvU64 *first_pfn);

/* nv-dmabuf.c */
NV_STATUS nv_dma_buf_export(nv_linux_state_t *nvl, int *fd);

/* nv-nano-timer.c */
nv_nano_timer_t *nv_create_nano_timer(void (*callback)(void *arg), void *arg);
void nv_start_nano_timer(nv_nano_timer_t *nv_nstimer, NvU64 time_ns);
void nv_cancel_nano_timer(nv_nano_timer_t *nv_nstimer);
void nv_destroy_nano_timer(nv_nano_timer_t *nv_nstimer);

/* nv-vgpu-types.c */
NV_STATUS rm_init_card(nv_linux_state_t *nvl);
void rm_free_card(nv_linux_state_t *nvl);
NvU32 rm_get_vgpu_types(NvU32 *type_ids);
void rm_fill_vgpu_ops(rm_vgpu_vfio_ops_t *ops);

/* nv-vgpu-vfio-interface.c; nv_linux_devices_lock is held for both */
NV_STATUS nvidia_vgpu_vfio_probe(nv_linux_state_t *nvl);
void nvidia_vgpu_vfio_remove(nv_linux_state_t *nvl);
NV_STATUS nv_vgpu_vfio_inject_interrupt(void *vgpu_ref);

#endif
