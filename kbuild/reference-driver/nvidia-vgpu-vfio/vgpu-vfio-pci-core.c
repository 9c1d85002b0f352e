/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * vGPUs as virtual functions ("vendor VFIO"). nvidia/current_vgpu_type in the function's sysfs folder sets the type,
 * one of those in nvidia/creatable_vgpu_types. The kernel's vfio-pci-core does the rest.
 */

#include "vgpu-devices.h"

#if defined(NV_VFIO_PCI_CORE_PRESENT)

struct nv_vfio_pci_device
{
    struct vfio_pci_core_device core;
    phys_dev_t *phys;
    struct mutex lock;
    NvU32 type_id;          /* 0: not a vGPU; under lock */
    NvU32 users;            /* under lock */
    char params[VGPU_PARAMS_SIZE];  /* under lock */
};

static struct nv_vfio_pci_device *nv_vfio_pci_from_vdev(struct vfio_device *core_vdev)
{
    return container_of(core_vdev, struct nv_vfio_pci_device, core.vdev);
}

static int nv_vfio_pci_open_device(struct vfio_device *core_vdev)
{
    struct nv_vfio_pci_device *vf = nv_vfio_pci_from_vdev(core_vdev);
    int ret = -ENODEV;

    mutex_lock(&vf->lock);
    if (vf->type_id == 0)
    {
        pci_err(vf->phys->dev, "nvidia-vgpu-vfio: current_vgpu_type is not set\n");
    }
    else
    {
        ret = vfio_pci_core_enable(&vf->core);
        if (ret == 0)
        {
            vfio_pci_core_finish_enable(&vf->core);
            vf->users++;
        }
    }
    mutex_unlock(&vf->lock);
    return ret;
}

static void nv_vfio_pci_close_device(struct vfio_device *core_vdev)
{
    struct nv_vfio_pci_device *vf = nv_vfio_pci_from_vdev(core_vdev);

    vfio_pci_core_close_device(core_vdev);
    mutex_lock(&vf->lock);
    vf->users--;
    mutex_unlock(&vf->lock);
}

/* No .match: its VF tokens are for physical functions that belong to a user, and a vGPU host's belongs to nvidia.ko. */
static const struct vfio_device_ops nv_vfio_pci_ops = {
    .name = "nvidia-vgpu-vfio-pci",
    .init = vfio_pci_core_init_dev,
    .release = vfio_pci_core_release_dev,
    .open_device = nv_vfio_pci_open_device,
    .close_device = nv_vfio_pci_close_device,
    .ioctl = vfio_pci_core_ioctl,
    .device_feature = vfio_pci_core_ioctl_feature,
    .read = vfio_pci_core_read,
    .write = vfio_pci_core_write,
    .mmap = vfio_pci_core_mmap,
    .request = vfio_pci_core_request,
#if defined(NV_VFIO_DEVICE_OPS_HAS_BIND_IOMMUFD)
    .bind_iommufd = vfio_iommufd_physical_bind,
    .unbind_iommufd = vfio_iommufd_physical_unbind,
    .attach_ioas = vfio_iommufd_physical_attach_ioas,
#endif
};

static ssize_t creatable_vgpu_types_show(struct device *dev, struct device_attribute *attr, char *buf)
{
    phys_dev_t *phys = nv_find_phys_dev(dev);
    ssize_t used = scnprintf(buf, PAGE_SIZE, "ID    : vGPU Name\n");
    NvU32 i;

    if (!phys)
        return -ENODEV;
    for (i = 0; i < phys->num_types; i++)
        if (rm_vgpu_vfio_ops.get_instances(phys->nv, phys->type_ids[i]) != 0)
            used += scnprintf(buf + used, PAGE_SIZE - used, "%-5u : %s\n",
                              phys->type_ids[i], rm_vgpu_vfio_ops.get_name(phys->type_ids[i]));
    return used;
}
static DEVICE_ATTR_RO(creatable_vgpu_types);

static ssize_t current_vgpu_type_show(struct device *dev, struct device_attribute *attr, char *buf)
{
    phys_dev_t *phys = nv_find_phys_dev(dev);

    return phys ? scnprintf(buf, PAGE_SIZE, "%u\n", phys->vf->type_id) : -ENODEV;
}

/* A type's id makes the function a vGPU (-EPERM if it is one); 0 makes it an ordinary one (-EBUSY while in use). */
static ssize_t current_vgpu_type_store(struct device *dev, struct device_attribute *attr, const char *buf, size_t count)
{
    phys_dev_t *phys = nv_find_phys_dev(dev);
    struct nv_vfio_pci_device *vf;
    NvU32 type_id;
    int ret;

    if (!phys)
        return -ENODEV;
    ret = kstrtou32(buf, 10, &type_id);
    if (ret)
        return ret;

    vf = phys->vf;
    mutex_lock(&vf->lock);
    if (type_id != 0 && vf->type_id != 0)
        ret = -EPERM;
    else if (type_id != 0)
        ret = nv_errno(rm_vgpu_vfio_ops.vgpu_create(phys->nv, type_id));
    else if (vf->users != 0)
        ret = -EBUSY;
    else if (vf->type_id != 0)
        rm_vgpu_vfio_ops.vgpu_delete(phys->nv, vf->type_id);
    if (ret == 0)
    {
        vf->type_id = type_id;
        vf->params[0] = '\0';
    }
    mutex_unlock(&vf->lock);
    return ret ? ret : count;
}
static DEVICE_ATTR_RW(current_vgpu_type);

static ssize_t vgpu_params_show(struct device *dev, struct device_attribute *attr, char *buf)
{
    phys_dev_t *phys = nv_find_phys_dev(dev);

    return phys ? scnprintf(buf, PAGE_SIZE, "%s\n", strim(phys->vf->params)) : -ENODEV;
}

/* For a vGPU that is not open. */
static ssize_t vgpu_params_store(struct device *dev, struct device_attribute *attr, const char *buf, size_t count)
{
    phys_dev_t *phys = nv_find_phys_dev(dev);
    int ret;

    if (!phys)
        return -ENODEV;
    mutex_lock(&phys->vf->lock);
    if (phys->vf->type_id == 0)
        ret = -ENXIO;
    else if (phys->vf->users != 0)
        ret = -EBUSY;
    else
        ret = nv_store_vgpu_params(dev, phys->vf->params, buf, count);
    mutex_unlock(&phys->vf->lock);
    return ret ? ret : count;
}
static DEVICE_ATTR_RW(vgpu_params);

static ssize_t placement_id_show(struct device *dev, struct device_attribute *attr, char *buf)
{
    phys_dev_t *phys = nv_find_phys_dev(dev);
    NvU32 slot;

    if (!phys)
        return -ENODEV;
    slot = rm_vgpu_vfio_ops.get_placement(phys->nv);
    return slot == NV_NO_PLACEMENT ? -ENXIO : scnprintf(buf, PAGE_SIZE, "%u\n", slot);
}

static ssize_t placement_id_store(struct device *dev, struct device_attribute *attr, const char *buf, size_t count)
{
    phys_dev_t *phys = nv_find_phys_dev(dev);
    NvU32 slot;
    int ret;

    if (!phys)
        return -ENODEV;
    ret = kstrtou32(buf, 10, &slot);
    if (ret)
        return ret;
    mutex_lock(&phys->vf->lock);
    if (phys->vf->type_id == 0)
        ret = -ENXIO;
    else if (phys->vf->users != 0)
        ret = -EBUSY;
    else
        ret = nv_errno(rm_vgpu_vfio_ops.vgpu_place(phys->nv, phys->vf->type_id, slot));
    mutex_unlock(&phys->vf->lock);
    return ret ? ret : count;
}
static DEVICE_ATTR_RW(placement_id);

static struct attribute *nv_vfio_pci_attrs[] = {
    &dev_attr_creatable_vgpu_types.attr,
    &dev_attr_current_vgpu_type.attr,
    &dev_attr_vgpu_params.attr,
    &dev_attr_placement_id.attr,
    NULL,
};

static const struct attribute_group nv_vfio_pci_group = {
    .name = "nvidia",
    .attrs = nv_vfio_pci_attrs,
};

int nv_vfio_pci_core_init(phys_dev_t *phys)
{
    struct nv_vfio_pci_device *vf;
    int ret;

    vf = vfio_alloc_device(nv_vfio_pci_device, core.vdev, &phys->dev->dev, &nv_vfio_pci_ops);
    if (IS_ERR(vf))
        return PTR_ERR(vf);
    mutex_init(&vf->lock);
    vf->phys = phys;
    phys->vf = vf;

    /* vfio-pci-core finds its device there when the function is reset. */
    dev_set_drvdata(&phys->dev->dev, &vf->core);
    ret = vfio_pci_core_register_device(&vf->core);
    if (ret)
        goto put;
    ret = sysfs_create_group(&phys->dev->dev.kobj, &nv_vfio_pci_group);
    if (ret)
        goto unregister;
    return 0;

unregister:
    vfio_pci_core_unregister_device(&vf->core);
put:
    vfio_put_device(&vf->core.vdev);
    return ret;
}

void nv_vfio_pci_core_uninit(phys_dev_t *phys)
{
    struct nv_vfio_pci_device *vf = phys->vf;

    sysfs_remove_group(&phys->dev->dev.kobj, &nv_vfio_pci_group);
    vfio_pci_core_unregister_device(&vf->core);
    if (vf->type_id != 0)
        rm_vgpu_vfio_ops.vgpu_delete(phys->nv, vf->type_id);
    vfio_put_device(&vf->core.vdev);
}

#else

int nv_vfio_pci_core_init(phys_dev_t *phys)
{
    return -EOPNOTSUPP;
}

void nv_vfio_pci_core_uninit(phys_dev_t *phys)
{
}

#endif
