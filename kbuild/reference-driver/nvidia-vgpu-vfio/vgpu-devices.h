/* SPDX-License-Identifier: MIT */
#ifndef _VGPU_DEVICES_H_
#define _VGPU_DEVICES_H_

#include "nv-linux.h"
#include "nv-vgpu-vfio-interface.h"

#include <linux/interrupt.h>
#include <linux/mdev.h>
#include <linux/vfio.h>
#if defined(NV_VFIO_PCI_CORE_PRESENT)
#include <linux/vfio_pci_core.h>
#endif

#define VGPU_PARAMS_SIZE 128

struct phys_dev_s;

typedef struct
{
    NvU32 index;                    /* VFIO_PCI_{INTX,MSI,MSIX}_IRQ_INDEX */
    struct eventfd_ctx *trigger;    /* what a guest waits for; under intr_info_lock */
    int irq;                        /* the host's interrupt behind MSI-X, or 0 */
} vgpu_intr_info_t;

/* A vGPU on a mediated device. vfio_alloc_device() wants the vfio_device to be the first member. */
typedef struct vgpu_dev_s
{
#if defined(NV_MDEV_REGISTER_PARENT_PRESENT)
    struct vfio_device vdev;
#endif
    struct list_head next;          /* in vgpu_dev_list */
    struct device *dev;
    struct phys_dev_s *phys;
    NvU32 type_id;
    NvU32 users;                    /* how often it is open; under ops_lock, as is the next */
    char params[VGPU_PARAMS_SIZE];
    struct mutex ops_lock;          /* one change of the interrupts at a time */
    spinlock_t intr_info_lock;
    vgpu_intr_info_t intr_info;
} vgpu_dev_t;

#if defined(NV_MDEV_REGISTER_PARENT_PRESENT)
struct nv_mdev_type
{
    struct mdev_type type;
    NvU32 type_id;
    char sysfs_name[8];
};
#endif

/* A card that nvidia.ko has given to us. */
typedef struct phys_dev_s
{
    struct list_head next;          /* in phys_dev_list */
    struct pci_dev *dev;
    void *nv;                       /* nvidia.ko's name for it */
    NvU32 num_types;
    NvU32 type_ids[VFIO_MAX_VGPU_TYPES_PER_PGPU];
    vgpu_dev_t *irq_owner;          /* the vGPU that has the card's interrupt */
#if defined(NV_MDEV_REGISTER_PARENT_PRESENT)
    struct mdev_parent mdev_parent;
    struct nv_mdev_type mdev_types[VFIO_MAX_VGPU_TYPES_PER_PGPU];
    struct mdev_type *mdev_type_ptrs[VFIO_MAX_VGPU_TYPES_PER_PGPU];
#endif
#if defined(NV_VFIO_PCI_CORE_PRESENT)
    struct nv_vfio_pci_device *vf;  /* on a virtual function only */
#endif
} phys_dev_t;

extern rm_vgpu_vfio_ops_t rm_vgpu_vfio_ops;

/* nvidia-vgpu-vfio.c */
NV_STATUS nv_vgpu_inject_interrupt(void *vgpuRef);
int vgpu_set_irqs(vgpu_dev_t *vgpu_dev, unsigned long arg);
void vgpu_disable_irqs(vgpu_dev_t *vgpu_dev);
phys_dev_t *nv_find_phys_dev(struct device *dev);

/* vgpu-devices.c: what a vGPU does, however the kernel came by it */
void nv_init_vgpu_dev(vgpu_dev_t *vgpu_dev, struct device *dev, phys_dev_t *phys, NvU32 type_id);
int nv_vgpu_vfio_create(vgpu_dev_t *vgpu_dev);
void nv_vgpu_vfio_destroy(vgpu_dev_t *vgpu_dev);
int nv_vgpu_vfio_open(vgpu_dev_t *vgpu_dev);
void nv_vgpu_vfio_close(vgpu_dev_t *vgpu_dev);
ssize_t nv_vgpu_vfio_read(vgpu_dev_t *vgpu_dev, char __user *buf, size_t count, loff_t *ppos);
long nv_vgpu_vfio_ioctl(vgpu_dev_t *vgpu_dev, unsigned int cmd, unsigned long arg);
int vgpu_region_info(struct vfio_region_info *info);
int nv_errno(NV_STATUS status);
size_t nv_list_vgpus(char *buf, size_t size);
int nv_store_vgpu_params(struct device *dev, char *params, const char *buf, size_t count);

/* vgpu-vfio-mdev.c */
int nv_vfio_mdev_register_driver(void);
void nv_vfio_mdev_unregister_driver(void);
int nv_vfio_mdev_register_device(phys_dev_t *phys);
void nv_vfio_mdev_unregister_device(phys_dev_t *phys);

/* vgpu-vfio-pci-core.c */
int nv_vfio_pci_core_init(phys_dev_t *phys);
void nv_vfio_pci_core_uninit(phys_dev_t *phys);

#endif
