/* SPDX-License-Identifier: MIT */
/*
 * Finds cards, and offers each to nvidia-vgpu-vfio.ko if that is loaded.
 */

#include "nv.h"

static int
nv_pci_probe(struct pci_dev *pci_dev, const struct pci_device_id *id_table)
{
    nv_linux_state_t *nvl;
    int ret;

    if (pci_dev->is_virtfn)
    {
        /* Without an IOMMU, DMA of a guest through a virtual function could reach all memory of the host. */
        if (pci_dev->dev.bus->iommu_ops == NULL)
        {
            pci_err(pci_dev, "NVRM: no IOMMU, so this virtual function cannot be given to a guest\n");
            return -ENODEV;
        }
    }

    nvl = kzalloc(sizeof(*nvl), GFP_KERNEL);
    if (!nvl)
        return -ENOMEM;
    nvl->pci_dev = pci_dev;

    /* vfio-pci-core enables a virtual function by itself when a guest opens it. */
    if (!pci_dev->is_virtfn)
    {
        ret = pci_enable_device(pci_dev);
        if (ret)
            goto free;
        pci_set_master(pci_dev);
    }
    if (rm_init_card(nvl) != NV_OK)
    {
        ret = -ENOMEM;
        goto disable;
    }
    nv_start_rc_timer(nvl);

    mutex_lock(&nv_linux_devices_lock);
    list_add_tail(&nvl->next, &nv_linux_devices);
    if (nvidia_vgpu_vfio_probe(nvl) != NV_OK)
        pci_err(pci_dev, "NVRM: nvidia-vgpu-vfio does not want this device\n");
    mutex_unlock(&nv_linux_devices_lock);

    return 0;

disable:
    if (!pci_dev->is_virtfn)
        pci_disable_device(pci_dev);
free:
    kfree(nvl);
    return ret;
}

static void nv_pci_remove(struct pci_dev *pci_dev)
{
    nv_linux_state_t *nvl, *next;

    /* drvdata is not ours to use: on a virtual function it belongs to vfio-pci-core. */
    mutex_lock(&nv_linux_devices_lock);
    list_for_each_entry_safe(nvl, next, &nv_linux_devices, next)
    {
        if (nvl->pci_dev != pci_dev)
            continue;
        nvidia_vgpu_vfio_remove(nvl);
        list_del(&nvl->next);
        nv_stop_rc_timer(nvl);
        rm_free_card(nvl);
        if (!pci_dev->is_virtfn)
            pci_disable_device(pci_dev);
        kfree(nvl);
    }
    mutex_unlock(&nv_linux_devices_lock);
}

/* QEMU's "edu" device. */
static const struct pci_device_id nv_pci_table[] = {
    { PCI_DEVICE(0x1234, 0x11e8) },
    { }
};
MODULE_DEVICE_TABLE(pci, nv_pci_table);

static struct pci_driver nv_pci_driver = {
    .name     = MODULE_NAME,
    .id_table = nv_pci_table,
    .probe    = nv_pci_probe,
    .remove   = nv_pci_remove,
#if defined(NV_PCI_DRIVER_HAS_DRIVER_MANAGED_DMA)
    /* Otherwise the kernel claims a virtual function's IOMMU group for us, and VFIO may not open it. */
    .driver_managed_dma = true,
#endif
};

int nv_pci_register_driver(void)
{
    return pci_register_driver(&nv_pci_driver);
}

void nv_pci_unregister_driver(void)
{
    pci_unregister_driver(&nv_pci_driver);
}
