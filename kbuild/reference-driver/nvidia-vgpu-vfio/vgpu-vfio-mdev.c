/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * vGPUs as mediated devices. The kernel has had two different interfaces for this: the first half of this file is for
 * 6.1 and newer, the second half for kernels before 5.13.
 */

#include "vgpu-devices.h"

#if defined(NV_MDEV_REGISTER_PARENT_PRESENT)

static NvU32 nv_mdev_type_id(struct mdev_type *type)
{
    return container_of(type, struct nv_mdev_type, type)->type_id;
}

static vgpu_dev_t *nv_get_vgpu_from_vdev(struct vfio_device *core_vdev)
{
    return container_of(core_vdev, vgpu_dev_t, vdev);
}

static int nv_vfio_mdev_open(struct vfio_device *core_vdev)
{
    return nv_vgpu_vfio_open(nv_get_vgpu_from_vdev(core_vdev));
}

static void nv_vfio_mdev_close(struct vfio_device *core_vdev)
{
    nv_vgpu_vfio_close(nv_get_vgpu_from_vdev(core_vdev));
}

static ssize_t nv_vfio_mdev_read(struct vfio_device *core_vdev, char __user *buf, size_t count, loff_t *ppos)
{
    return nv_vgpu_vfio_read(nv_get_vgpu_from_vdev(core_vdev), buf, count, ppos);
}

static long nv_vfio_mdev_unlocked_ioctl(struct vfio_device *core_vdev, unsigned int cmd, unsigned long arg)
{
    return nv_vgpu_vfio_ioctl(nv_get_vgpu_from_vdev(core_vdev), cmd, arg);
}

#if defined(NV_VFIO_DEVICE_OPS_HAS_DMA_UNMAP)
/* Without it the kernel refuses a device that could pin a guest's pages. This one never does. */
static void nv_vfio_mdev_dma_unmap(struct vfio_device *core_vdev, u64 iova, u64 size)
{
}
#endif

#if defined(NV_VFIO_FREE_DEVICE_PRESENT)
static void nv_vfio_mdev_release_dev(struct vfio_device *core_vdev)
{
    vfio_free_device(core_vdev);
}
#endif

static const struct vfio_device_ops nv_vfio_mdev_dev_ops = {
    .name           = "nvidia-vgpu-vfio",
#if defined(NV_VFIO_FREE_DEVICE_PRESENT)
    .release        = nv_vfio_mdev_release_dev,
#endif
    .open_device    = nv_vfio_mdev_open,
    .close_device   = nv_vfio_mdev_close,
    .read           = nv_vfio_mdev_read,
    .ioctl          = nv_vfio_mdev_unlocked_ioctl,
#if defined(NV_VFIO_DEVICE_OPS_HAS_DMA_UNMAP)
    .dma_unmap      = nv_vfio_mdev_dma_unmap,
#endif
#if defined(NV_VFIO_DEVICE_OPS_HAS_BIND_IOMMUFD)
    .bind_iommufd   = vfio_iommufd_emulated_bind,
    .unbind_iommufd = vfio_iommufd_emulated_unbind,
    .attach_ioas    = vfio_iommufd_emulated_attach_ioas,
#endif
};

static ssize_t vgpu_params_show(struct device *dev, struct device_attribute *attr, char *buf)
{
    vgpu_dev_t *vgpu_dev = dev_get_drvdata(dev);

    return scnprintf(buf, PAGE_SIZE, "%s\n", strim(vgpu_dev->params));
}

/* The parameters are for the plugin, which reads them when a virtual machine opens the vGPU. */
static ssize_t vgpu_params_store(struct device *dev, struct device_attribute *attr, const char *buf, size_t count)
{
    vgpu_dev_t *vgpu_dev = dev_get_drvdata(dev);
    int ret = -EBUSY;

    mutex_lock(&vgpu_dev->ops_lock);
    if (vgpu_dev->users == 0)
        ret = nv_store_vgpu_params(dev, vgpu_dev->params, buf, count);
    mutex_unlock(&vgpu_dev->ops_lock);
    return ret ? ret : count;
}
static DEVICE_ATTR_RW(vgpu_params);

static struct attribute *nv_vfio_mdev_attrs[] = {
    &dev_attr_vgpu_params.attr,
    NULL,
};

static const struct attribute_group nv_vfio_mdev_group = {
    .name = "nvidia",
    .attrs = nv_vfio_mdev_attrs,
};

static int nv_vfio_mdev_probe(struct mdev_device *mdev)
{
    phys_dev_t *phys = container_of(mdev->type->parent, phys_dev_t, mdev_parent);
    vgpu_dev_t *vgpu_dev;
    int ret;

    vgpu_dev = vfio_alloc_device(vgpu_dev_s, vdev, &mdev->dev, &nv_vfio_mdev_dev_ops);
    if (IS_ERR(vgpu_dev))
        return PTR_ERR(vgpu_dev);
    nv_init_vgpu_dev(vgpu_dev, &mdev->dev, phys, nv_mdev_type_id(mdev->type));

    ret = nv_vgpu_vfio_create(vgpu_dev);
    if (ret)
        goto put;
    ret = vfio_register_emulated_iommu_dev(&vgpu_dev->vdev);
    if (ret)
        goto destroy;
    dev_set_drvdata(&mdev->dev, vgpu_dev);
    ret = sysfs_create_group(&mdev->dev.kobj, &nv_vfio_mdev_group);
    if (ret)
        goto unregister;
    return 0;

unregister:
    vfio_unregister_group_dev(&vgpu_dev->vdev);
destroy:
    nv_vgpu_vfio_destroy(vgpu_dev);
put:
    vfio_put_device(&vgpu_dev->vdev);
    return ret;
}

static void nv_vfio_mdev_remove(struct mdev_device *mdev)
{
    vgpu_dev_t *vgpu_dev = dev_get_drvdata(&mdev->dev);

    sysfs_remove_group(&mdev->dev.kobj, &nv_vfio_mdev_group);
    vfio_unregister_group_dev(&vgpu_dev->vdev);
    nv_vgpu_vfio_destroy(vgpu_dev);
    vfio_put_device(&vgpu_dev->vdev);
}

static unsigned int nv_vfio_mdev_get_available(struct mdev_type *type)
{
    phys_dev_t *phys = container_of(type->parent, phys_dev_t, mdev_parent);

    return rm_vgpu_vfio_ops.get_instances(phys->nv, nv_mdev_type_id(type));
}

static ssize_t nv_vfio_mdev_show_description(struct mdev_type *type, char *buf)
{
    return rm_vgpu_vfio_ops.get_description(nv_mdev_type_id(type), buf, PAGE_SIZE);
}

static struct mdev_driver nv_vfio_mdev_driver = {
    .device_api = VFIO_DEVICE_API_PCI_STRING,
    .driver = {
        .name     = "nvidia-vgpu-vfio",
        .owner    = THIS_MODULE,
        .mod_name = KBUILD_MODNAME,
    },
    .probe            = nv_vfio_mdev_probe,
    .remove           = nv_vfio_mdev_remove,
    .get_available    = nv_vfio_mdev_get_available,
    .show_description = nv_vfio_mdev_show_description,
};

/* The kernel puts the PCI driver's name in front of a type's: 1 becomes nvidia-1. */
int nv_vfio_mdev_register_device(phys_dev_t *phys)
{
    NvU32 i;

    for (i = 0; i < phys->num_types; i++)
    {
        struct nv_mdev_type *type = &phys->mdev_types[i];

        type->type_id = phys->type_ids[i];
        snprintf(type->sysfs_name, sizeof(type->sysfs_name), "%u", type->type_id);
        type->type.sysfs_name = type->sysfs_name;
        type->type.pretty_name = rm_vgpu_vfio_ops.get_name(type->type_id);
        phys->mdev_type_ptrs[i] = &type->type;
    }
    return mdev_register_parent(&phys->mdev_parent, &phys->dev->dev, &nv_vfio_mdev_driver,
                                phys->mdev_type_ptrs, phys->num_types);
}

void nv_vfio_mdev_unregister_device(phys_dev_t *phys)
{
    mdev_unregister_parent(&phys->mdev_parent);
}

int nv_vfio_mdev_register_driver()
{
    return mdev_register_driver(&nv_vfio_mdev_driver);
}

void nv_vfio_mdev_unregister_driver()
{
    mdev_unregister_driver(&nv_vfio_mdev_driver);
}

#elif defined(NV_MDEV_PARENT_OPS_STRUCT_PRESENT)

/* A type is a group of sysfs attributes here, and which type is meant is told by the name of its folder alone. */
static NvU32 nv_mdev_type_id(struct kobject *kobj)
{
    const char *name = strrchr(kobj->name, '-');
    NvU32 type_id;

    return name && kstrtou32(name + 1, 10, &type_id) == 0 ? type_id : 0;
}

static ssize_t name_show(struct kobject *kobj, struct device *dev, char *buf)
{
    return scnprintf(buf, PAGE_SIZE, "%s\n", rm_vgpu_vfio_ops.get_name(nv_mdev_type_id(kobj)));
}
static MDEV_TYPE_ATTR_RO(name);

static ssize_t description_show(struct kobject *kobj, struct device *dev, char *buf)
{
    return rm_vgpu_vfio_ops.get_description(nv_mdev_type_id(kobj), buf, PAGE_SIZE);
}
static MDEV_TYPE_ATTR_RO(description);

static ssize_t available_instances_show(struct kobject *kobj, struct device *dev, char *buf)
{
    phys_dev_t *phys = nv_find_phys_dev(dev);

    if (!phys)
        return -ENODEV;
    return scnprintf(buf, PAGE_SIZE, "%u\n", rm_vgpu_vfio_ops.get_instances(phys->nv, nv_mdev_type_id(kobj)));
}
static MDEV_TYPE_ATTR_RO(available_instances);

static ssize_t device_api_show(struct kobject *kobj, struct device *dev, char *buf)
{
    return scnprintf(buf, PAGE_SIZE, "%s\n", VFIO_DEVICE_API_PCI_STRING);
}
static MDEV_TYPE_ATTR_RO(device_api);

static struct attribute *nv_mdev_type_attrs[] = {
    &mdev_type_attr_name.attr,
    &mdev_type_attr_description.attr,
    &mdev_type_attr_available_instances.attr,
    &mdev_type_attr_device_api.attr,
    NULL,
};

static struct attribute_group nv_mdev_type_group_1 = { .name = "1", .attrs = nv_mdev_type_attrs };
static struct attribute_group nv_mdev_type_group_2 = { .name = "2", .attrs = nv_mdev_type_attrs };
static struct attribute_group nv_mdev_type_group_3 = { .name = "3", .attrs = nv_mdev_type_attrs };
static struct attribute_group *nv_mdev_type_groups[] = {
    &nv_mdev_type_group_1, &nv_mdev_type_group_2, &nv_mdev_type_group_3, NULL
};

static int nv_vfio_mdev_create(struct kobject *kobj, struct mdev_device *mdev)
{
    phys_dev_t *phys = nv_find_phys_dev(mdev_parent_dev(mdev));
    vgpu_dev_t *vgpu_dev;
    int ret;

    if (!phys)
        return -ENODEV;
    vgpu_dev = kzalloc(sizeof(*vgpu_dev), GFP_KERNEL);
    if (!vgpu_dev)
        return -ENOMEM;
    nv_init_vgpu_dev(vgpu_dev, mdev_dev(mdev), phys, nv_mdev_type_id(kobj));

    ret = nv_vgpu_vfio_create(vgpu_dev);
    if (ret)
        kfree(vgpu_dev);
    else
        mdev_set_drvdata(mdev, vgpu_dev);
    return ret;
}

static int nv_vfio_mdev_remove(struct mdev_device *mdev)
{
    vgpu_dev_t *vgpu_dev = mdev_get_drvdata(mdev);

    mdev_set_drvdata(mdev, NULL);
    nv_vgpu_vfio_destroy(vgpu_dev);
    kfree(vgpu_dev);
    return 0;
}

static int nv_vfio_mdev_open(struct mdev_device *mdev)
{
    return nv_vgpu_vfio_open(mdev_get_drvdata(mdev));
}

static void nv_vfio_mdev_close(struct mdev_device *mdev)
{
    nv_vgpu_vfio_close(mdev_get_drvdata(mdev));
}

static ssize_t nv_vfio_mdev_read(struct mdev_device *mdev, char __user *buf, size_t count, loff_t *ppos)
{
    return nv_vgpu_vfio_read(mdev_get_drvdata(mdev), buf, count, ppos);
}

static long nv_vfio_mdev_ioctl(struct mdev_device *mdev, unsigned int cmd, unsigned long arg)
{
    return nv_vgpu_vfio_ioctl(mdev_get_drvdata(mdev), cmd, arg);
}

static const struct mdev_parent_ops nv_vfio_mdev_parent_ops = {
    .owner                 = THIS_MODULE,
    .supported_type_groups = nv_mdev_type_groups,
    .create                = nv_vfio_mdev_create,
    .remove                = nv_vfio_mdev_remove,
    .open                  = nv_vfio_mdev_open,
    .release               = nv_vfio_mdev_close,
    .read                  = nv_vfio_mdev_read,
    .ioctl                 = nv_vfio_mdev_ioctl,
};

int nv_vfio_mdev_register_device(phys_dev_t *phys)
{
    return mdev_register_device(&phys->dev->dev, &nv_vfio_mdev_parent_ops);
}

void nv_vfio_mdev_unregister_device(phys_dev_t *phys)
{
    mdev_unregister_device(&phys->dev->dev);
}

/* Drivers for mediated devices came later: here the kernel's own vfio_mdev is the only one. */
int nv_vfio_mdev_register_driver()
{
    return 0;
}

void nv_vfio_mdev_unregister_driver()
{
}

#else
#error "This kernel's mdev interface (5.13 to 6.0) is not one that this driver knows."
#endif
