/* SPDX-License-Identifier: MIT */
/*
 * nvidia.ko: the module itself, /dev/nvidiactl, and the watchdog of each card.
 */

#include "nv.h"
#include "nv-ioctl.h"

MODULE_LICENSE("NVIDIA");
MODULE_DESCRIPTION("vgpukit's reference driver: cards and vGPU types");
MODULE_INFO(supported, "external");
MODULE_VERSION(NV_VERSION_STRING);

/* Sharing memory with other drivers needs the symbols of this namespace (5.16). */
#if defined(MODULE_IMPORT_NS)
MODULE_IMPORT_NS(DMA_BUF);
#endif

LIST_HEAD(nv_linux_devices);
DEFINE_MUTEX(nv_linux_devices_lock);

static void nv_rc_callback(struct timer_list *timer)
{
    nv_linux_state_t *nvl = container_of(timer, nv_linux_state_t, rc_timer);

    nvl->rc_ticks++;
    mod_timer(&nvl->rc_timer, jiffies + HZ);
}

void nv_start_rc_timer(nv_linux_state_t *nvl)
{
    timer_setup(&nvl->rc_timer, nv_rc_callback, 0);
    mod_timer(&nvl->rc_timer, jiffies + HZ);
}

void nv_stop_rc_timer(nv_linux_state_t *nvl)
{
    del_timer_sync(&nvl->rc_timer);
}

static long nv_card_info(unsigned long arg)
{
    struct nv_ioctl_card_info info;
    nv_linux_state_t *nvl;
    NvU32 index = 0;
    long ret = -ENODEV;

    if (copy_from_user(&info, (void __user *)arg, sizeof(info)))
        return -EFAULT;

    mutex_lock(&nv_linux_devices_lock);
    list_for_each_entry(nvl, &nv_linux_devices, next)
    {
        if (index++ != info.index)
            continue;
        info.vendor_device = nvl->pci_dev->vendor << 16 | nvl->pci_dev->device;
        info.rc_ticks = nvl->rc_ticks;
        info.vblanks = nvl->vblanks;
        ret = 0;
        break;
    }
    mutex_unlock(&nv_linux_devices_lock);

    if (ret == 0 && copy_to_user((void __user *)arg, &info, sizeof(info)))
        return -EFAULT;
    return ret;
}

static long nv_lookup_io(unsigned long arg)
{
    struct nv_ioctl_lookup_io lookup;
    NvU64 first_pfn;

    if (copy_from_user(&lookup, (void __user *)arg, sizeof(lookup)))
        return -EFAULT;
    if (os_lookup_user_io_memory((void *)(unsigned long)lookup.address, lookup.page_count, &first_pfn) != NV_OK)
        return -EINVAL;

    lookup.first_pfn = first_pfn;
    return copy_to_user((void __user *)arg, &lookup, sizeof(lookup)) ? -EFAULT : 0;
}

static long nvidia_unlocked_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
    switch (cmd)
    {
        case NV_ESC_CARD_INFO:
            return nv_card_info(arg);
        case NV_ESC_LOOKUP_IO:
            return nv_lookup_io(arg);
        default:
            return -ENOTTY;
    }
}

static const struct file_operations nvidia_fops = {
    .owner          = THIS_MODULE,
    .unlocked_ioctl = nvidia_unlocked_ioctl,
    .mmap           = nvidia_mmap,
};

static struct miscdevice nvidia_ctl_device = {
    .minor = MISC_DYNAMIC_MINOR,
    .name  = "nvidiactl",
    .fops  = &nvidia_fops,
};

static int __init nvidia_init_module(void)
{
    int ret = misc_register(&nvidia_ctl_device);

    if (ret)
        return ret;

    ret = nv_pci_register_driver();
    if (ret)
    {
        misc_deregister(&nvidia_ctl_device);
        return ret;
    }

    pr_info("NVRM: loading vgpukit reference driver %s\n", NV_VERSION_STRING);
    return 0;
}

static void __exit nvidia_exit_module(void)
{
    nv_pci_unregister_driver();
    misc_deregister(&nvidia_ctl_device);
}

module_init(nvidia_init_module);
module_exit(nvidia_exit_module);
