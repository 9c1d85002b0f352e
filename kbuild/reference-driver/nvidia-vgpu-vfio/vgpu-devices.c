/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * A vGPU on a mediated device, as VFIO sees it: a PCI device with a configuration space and an interrupt, and no BARs.
 */

#include "vgpu-devices.h"

/* VFIO leaves the layout of a device's file to its driver; this is the one that vfio-pci has. */
#define VGPU_REGION_SHIFT 40
#define VGPU_CONFIG_SIZE 256

static LIST_HEAD(vgpu_dev_list);
static DEFINE_MUTEX(vgpu_dev_list_lock);

int nv_errno(NV_STATUS status)
{
    switch (status)
    {
        case NV_OK:
            return 0;
        case NV_ERR_INSUFFICIENT_RESOURCES:
            return -ENOSPC;
        case NV_ERR_OBJECT_NOT_FOUND:
            return -ENODEV;
        case NV_ERR_INVALID_STATE:
            return -EBUSY;
        default:
            return -EINVAL;
    }
}

void nv_init_vgpu_dev(vgpu_dev_t *vgpu_dev, struct device *dev, phys_dev_t *phys, NvU32 type_id)
{
    INIT_LIST_HEAD(&vgpu_dev->next);
    mutex_init(&vgpu_dev->ops_lock);
    spin_lock_init(&vgpu_dev->intr_info_lock);
    vgpu_dev->dev = dev;
    vgpu_dev->phys = phys;
    vgpu_dev->type_id = type_id;
}

/* Reserves the vGPU on its card. -ENOSPC if the card is full. */
int nv_vgpu_vfio_create(vgpu_dev_t *vgpu_dev)
{
    int ret = nv_errno(rm_vgpu_vfio_ops.vgpu_create(vgpu_dev->phys->nv, vgpu_dev->type_id));

    if (ret)
        return ret;
    mutex_lock(&vgpu_dev_list_lock);
    list_add_tail(&vgpu_dev->next, &vgpu_dev_list);
    mutex_unlock(&vgpu_dev_list_lock);
    return 0;
}

void nv_vgpu_vfio_destroy(vgpu_dev_t *vgpu_dev)
{
    mutex_lock(&vgpu_dev_list_lock);
    list_del(&vgpu_dev->next);
    mutex_unlock(&vgpu_dev_list_lock);
    rm_vgpu_vfio_ops.vgpu_delete(vgpu_dev->phys->nv, vgpu_dev->type_id);
}

/* One line for each vGPU. Returns how much of buf it took. */
size_t nv_list_vgpus(char *buf, size_t size)
{
    vgpu_dev_t *vgpu_dev;
    size_t used = 0;

    mutex_lock(&vgpu_dev_list_lock);
    list_for_each_entry(vgpu_dev, &vgpu_dev_list, next)
        used += scnprintf(buf + used, size - used, "%s nvidia-%u\n", dev_name(vgpu_dev->dev), vgpu_dev->type_id);
    mutex_unlock(&vgpu_dev_list_lock);
    return used;
}

/*
 * "NAME=VALUE,NAME=VALUE", or white space to clear it. A name that the driver does not know is left to the plugin; of
 * those that it knows the value is checked.
 */
int nv_store_vgpu_params(struct device *dev, char *params, const char *buf, size_t count)
{
    static const char *const switches[] = { "frame_rate_limiter=", "disable_vnc=", "enable_uvm=" };
    char text[VGPU_PARAMS_SIZE];
    char *rest = text, *param;
    int i;

    if (count >= sizeof(text))
        return -EINVAL;
    memcpy(text, buf, count);
    text[count] = '\0';
    while ((param = strsep(&rest, ",")) != NULL)
    {
        param = strim(param);
        for (i = 0; i < ARRAY_SIZE(switches); i++)
        {
            size_t length = strlen(switches[i]);

            if (strncmp(param, switches[i], length) == 0 && strcmp(param + length, "0") != 0 &&
                strcmp(param + length, "1") != 0)
            {
                dev_err(dev, "nvidia-vgpu-vfio: vgpu_params: %s is neither 0 nor 1\n", param);
                return -EINVAL;
            }
        }
    }
    memcpy(params, buf, count);
    params[count] = '\0';
    return 0;
}

int nv_vgpu_vfio_open(vgpu_dev_t *vgpu_dev)
{
    int ret = nv_errno(rm_vgpu_vfio_ops.vgpu_start(vgpu_dev->phys->nv, vgpu_dev));

    mutex_lock(&vgpu_dev->ops_lock);
    if (ret == 0)
        vgpu_dev->users++;
    mutex_unlock(&vgpu_dev->ops_lock);
    return ret;
}

void nv_vgpu_vfio_close(vgpu_dev_t *vgpu_dev)
{
    rm_vgpu_vfio_ops.vgpu_stop(vgpu_dev->phys->nv, vgpu_dev);
    vgpu_disable_irqs(vgpu_dev);
    mutex_lock(&vgpu_dev->ops_lock);
    vgpu_dev->users--;
    mutex_unlock(&vgpu_dev->ops_lock);
}

/* The configuration space: a display controller of the card's vendor, whose subsystem id is the vGPU type. */
static NvU8 vgpu_config_byte(vgpu_dev_t *vgpu_dev, NvU32 offset)
{
    struct pci_dev *card = vgpu_dev->phys->dev;

    switch (offset)
    {
        case PCI_VENDOR_ID:
        case PCI_SUBSYSTEM_VENDOR_ID:
            return card->vendor & 0xff;
        case PCI_VENDOR_ID + 1:
        case PCI_SUBSYSTEM_VENDOR_ID + 1:
            return card->vendor >> 8;
        case PCI_DEVICE_ID:
            return card->device & 0xff;
        case PCI_DEVICE_ID + 1:
            return card->device >> 8;
        case PCI_CLASS_DEVICE + 1:
            return PCI_BASE_CLASS_DISPLAY;
        case PCI_SUBSYSTEM_ID:
            return vgpu_dev->type_id;
        case PCI_INTERRUPT_PIN:
            return 1;
        default:
            return 0;
    }
}

ssize_t nv_vgpu_vfio_read(vgpu_dev_t *vgpu_dev, char __user *buf, size_t count, loff_t *ppos)
{
    NvU8 config[VGPU_CONFIG_SIZE];
    loff_t offset = *ppos & ((1ULL << VGPU_REGION_SHIFT) - 1);
    ssize_t ret;
    NvU32 i;

    if (*ppos >> VGPU_REGION_SHIFT != VFIO_PCI_CONFIG_REGION_INDEX)
        return -EINVAL;

    for (i = 0; i < sizeof(config); i++)
        config[i] = vgpu_config_byte(vgpu_dev, i);
    ret = simple_read_from_buffer(buf, count, &offset, config, sizeof(config));
    if (ret > 0)
        *ppos += ret;
    return ret;
}

static long vgpu_get_info(unsigned long arg)
{
    unsigned long minsz = offsetofend(struct vfio_device_info, num_irqs);
    struct vfio_device_info info;

    if (copy_from_user(&info, (void __user *)arg, minsz))
        return -EFAULT;
    if (info.argsz < minsz)
        return -EINVAL;
    info.flags = VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET;
    info.num_regions = VFIO_PCI_NUM_REGIONS;
    info.num_irqs = VFIO_PCI_NUM_IRQS;
    return copy_to_user((void __user *)arg, &info, minsz) ? -EFAULT : 0;
}

/* Only the configuration space has a size. */
int vgpu_region_info(struct vfio_region_info *info)
{
    if (info->index >= VFIO_PCI_NUM_REGIONS)
        return -EINVAL;
    info->offset = (NvU64)info->index << VGPU_REGION_SHIFT;
    info->size = info->index == VFIO_PCI_CONFIG_REGION_INDEX ? VGPU_CONFIG_SIZE : 0;
    info->flags = info->size ? VFIO_REGION_INFO_FLAG_READ : 0;
    info->cap_offset = 0;
    return 0;
}

static long vgpu_get_region_info(unsigned long arg)
{
    unsigned long minsz = offsetofend(struct vfio_region_info, offset);
    struct vfio_region_info info;
    int ret;

    if (copy_from_user(&info, (void __user *)arg, minsz))
        return -EFAULT;
    if (info.argsz < minsz)
        return -EINVAL;
    ret = vgpu_region_info(&info);
    if (ret)
        return ret;
    return copy_to_user((void __user *)arg, &info, minsz) ? -EFAULT : 0;
}

static long vgpu_get_irq_info(unsigned long arg)
{
    unsigned long minsz = offsetofend(struct vfio_irq_info, count);
    struct vfio_irq_info info;

    if (copy_from_user(&info, (void __user *)arg, minsz))
        return -EFAULT;
    if (info.argsz < minsz || info.index >= VFIO_PCI_NUM_IRQS)
        return -EINVAL;
    info.count = info.index <= VFIO_PCI_MSIX_IRQ_INDEX ? 1 : 0;
    info.flags = info.count ? VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_NORESIZE : 0;
    return copy_to_user((void __user *)arg, &info, minsz) ? -EFAULT : 0;
}

long nv_vgpu_vfio_ioctl(vgpu_dev_t *vgpu_dev, unsigned int cmd, unsigned long arg)
{
    switch (cmd)
    {
        case VFIO_DEVICE_GET_INFO:
            return vgpu_get_info(arg);
        case VFIO_DEVICE_GET_REGION_INFO:
            return vgpu_get_region_info(arg);
        case VFIO_DEVICE_GET_IRQ_INFO:
            return vgpu_get_irq_info(arg);
        case VFIO_DEVICE_SET_IRQS:
            return vgpu_set_irqs(vgpu_dev, arg);
        case VFIO_DEVICE_RESET:
            vgpu_disable_irqs(vgpu_dev);
            return 0;
        default:
            return -ENOTTY;
    }
}
