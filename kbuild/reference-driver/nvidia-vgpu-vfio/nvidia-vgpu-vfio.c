/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * nvidia-vgpu-vfio.ko: the module itself, the cards that nvidia.ko registers, interrupts, and the files for the saved
 * state of a vGPU.
 */

#include <linux/eventfd.h>
#include "vgpu-devices.h"

rm_vgpu_vfio_ops_t rm_vgpu_vfio_ops;

static LIST_HEAD(phys_dev_list);
static DEFINE_MUTEX(phys_dev_list_lock);

/* Interrupts */

/* The card's own interrupt, which one vGPU at a time can have. */
static irqreturn_t vgpu_msix_handler(int irq, void *arg)
{
    vgpu_dev_t *vgpu_dev = arg;
    struct eventfd_ctx *trigger = READ_ONCE(vgpu_dev->intr_info.trigger);

    if (trigger != NULL)
        eventfd_signal(trigger, 1);
    else
        return IRQ_NONE;

    return IRQ_HANDLED;
}

/* An interrupt that the resource manager makes up. From its timers, so in interrupt context. */
NV_STATUS nv_vgpu_inject_interrupt(void *vgpuRef)
{
    vgpu_dev_t *vgpu_dev = vgpuRef;
    NV_STATUS status = NV_OK;
    struct eventfd_ctx *trigger;
    unsigned long eflags;

    spin_lock_irqsave(&vgpu_dev->intr_info_lock, eflags);
    trigger = vgpu_dev->intr_info.trigger;
    if (trigger == NULL || vgpu_dev->intr_info.index == VFIO_PCI_MSIX_IRQ_INDEX)
    {
        spin_unlock_irqrestore(&vgpu_dev->intr_info_lock, eflags);
        return NV_ERR_INVALID_STATE;
    }

    eventfd_signal(trigger, 1);
    spin_unlock_irqrestore(&vgpu_dev->intr_info_lock, eflags);

    return status;
}

static int vgpu_msix_enable(vgpu_dev_t *vgpu_dev)
{
    phys_dev_t *phys = vgpu_dev->phys;
    int ret;

    if (cmpxchg(&phys->irq_owner, NULL, vgpu_dev) != NULL)
        return -EBUSY;

    ret = pci_alloc_irq_vectors(phys->dev, 1, 1, PCI_IRQ_MSI | PCI_IRQ_MSIX);
    if (ret < 0)
        goto disown;

    ret = request_irq(pci_irq_vector(phys->dev, 0), vgpu_msix_handler, 0, "nvidia-vgpu-vfio", vgpu_dev);
    if (ret)
        goto free;

    vgpu_dev->intr_info.irq = pci_irq_vector(phys->dev, 0);
    return 0;

free:
    pci_free_irq_vectors(phys->dev);
disown:
    phys->irq_owner = NULL;
    return ret;
}

static void vgpu_irqs_off(vgpu_dev_t *vgpu_dev)
{
    struct eventfd_ctx *trigger;
    unsigned long eflags;

    /* Before the trigger goes: the handler uses it without a lock. */
    if (vgpu_dev->intr_info.irq)
    {
        free_irq(vgpu_dev->intr_info.irq, vgpu_dev);
        pci_free_irq_vectors(vgpu_dev->phys->dev);
        vgpu_dev->intr_info.irq = 0;
        vgpu_dev->phys->irq_owner = NULL;
    }

    spin_lock_irqsave(&vgpu_dev->intr_info_lock, eflags);
    trigger = vgpu_dev->intr_info.trigger;
    vgpu_dev->intr_info.trigger = NULL;
    spin_unlock_irqrestore(&vgpu_dev->intr_info_lock, eflags);

    if (trigger)
        eventfd_ctx_put(trigger);
}

static int vgpu_irqs_on(vgpu_dev_t *vgpu_dev, NvU32 index, int fd)
{
    struct eventfd_ctx *trigger = eventfd_ctx_fdget(fd);
    unsigned long eflags;
    int ret = 0;

    if (IS_ERR(trigger))
        return PTR_ERR(trigger);

    spin_lock_irqsave(&vgpu_dev->intr_info_lock, eflags);
    vgpu_dev->intr_info.index = index;
    vgpu_dev->intr_info.trigger = trigger;
    spin_unlock_irqrestore(&vgpu_dev->intr_info_lock, eflags);

    if (index == VFIO_PCI_MSIX_IRQ_INDEX)
        ret = vgpu_msix_enable(vgpu_dev);
    if (ret)
        vgpu_irqs_off(vgpu_dev);
    return ret;
}

void vgpu_disable_irqs(vgpu_dev_t *vgpu_dev)
{
    mutex_lock(&vgpu_dev->ops_lock);
    vgpu_irqs_off(vgpu_dev);
    mutex_unlock(&vgpu_dev->ops_lock);
}

/* VFIO_DEVICE_SET_IRQS: one eventfd for one vector, or none to switch it off. */
int vgpu_set_irqs(vgpu_dev_t *vgpu_dev, unsigned long arg)
{
    unsigned long minsz = offsetofend(struct vfio_irq_set, count);
    struct vfio_irq_set set;
    int fd = -1;
    int ret = 0;

    if (copy_from_user(&set, (void __user *)arg, minsz))
        return -EFAULT;
    if (set.argsz < minsz || set.index > VFIO_PCI_MSIX_IRQ_INDEX || set.start != 0 || set.count > 1)
        return -EINVAL;
    if ((set.flags & VFIO_IRQ_SET_ACTION_TYPE_MASK) != VFIO_IRQ_SET_ACTION_TRIGGER)
        return -EINVAL;

    if (set.count == 1)
    {
        if (!(set.flags & VFIO_IRQ_SET_DATA_EVENTFD) || set.argsz < minsz + sizeof(fd))
            return -EINVAL;
        if (copy_from_user(&fd, (void __user *)(arg + minsz), sizeof(fd)))
            return -EFAULT;
    }

    mutex_lock(&vgpu_dev->ops_lock);
    vgpu_irqs_off(vgpu_dev);
    if (fd >= 0)
        ret = vgpu_irqs_on(vgpu_dev, set.index, fd);
    mutex_unlock(&vgpu_dev->ops_lock);
    return ret;
}

/* Saved state: a header line, then (in a real driver) what the card remembers of the vGPU. */

#define VGPU_STATE_HEADER "vgpu-state " NV_VERSION_STRING "\n"

static ssize_t vgpu_save_read(struct file *filp, char __user *buf, size_t len, loff_t *pos)
{
    char state[256];
    size_t size = scnprintf(state, sizeof(state), VGPU_STATE_HEADER);

    size += nv_list_vgpus(state + size, sizeof(state) - size);
    return simple_read_from_buffer(buf, len, pos, state, size);
}

/* Refuses what another version has saved. */
static ssize_t vgpu_resume_write(struct file *filp, const char __user *buf, size_t len, loff_t *pos)
{
    char header[sizeof(VGPU_STATE_HEADER) - 1];

    if (len < sizeof(header))
        return -EINVAL;
    if (copy_from_user(header, buf, sizeof(header)))
        return -EFAULT;
    return memcmp(header, VGPU_STATE_HEADER, sizeof(header)) == 0 ? len : -EINVAL;
}

/* A stream of state has no place to seek to. */
static const struct file_operations vgpu_save_fops = {
    .owner = THIS_MODULE,
    .read = vgpu_save_read,
    .llseek = no_llseek,
};

static const struct file_operations vgpu_resume_fops = {
    .owner = THIS_MODULE,
    .write = vgpu_resume_write,
    .llseek = no_llseek,
};

static struct miscdevice vgpu_state_devices[] = {
    { .minor = MISC_DYNAMIC_MINOR, .name = "nvidia-vgpu-save", .fops = &vgpu_save_fops },
    { .minor = MISC_DYNAMIC_MINOR, .name = "nvidia-vgpu-resume", .fops = &vgpu_resume_fops },
};

/* Cards */

phys_dev_t *nv_find_phys_dev(struct device *dev)
{
    phys_dev_t *phys, *found = NULL;

    mutex_lock(&phys_dev_list_lock);
    list_for_each_entry(phys, &phys_dev_list, next)
        if (&phys->dev->dev == dev)
            found = phys;
    mutex_unlock(&phys_dev_list_lock);
    return found;
}

/* The modes of a physical function, which a real driver has behind nvidia-smi: reference/mig_mode and so on. */
#define NV_MODE_ATTR(file, mode)                                                                                    \
    static ssize_t file##_show(struct device *dev, struct device_attribute *attr, char *buf)                        \
    {                                                                                                                \
        phys_dev_t *phys = nv_find_phys_dev(dev);                                                                    \
        return phys ? scnprintf(buf, PAGE_SIZE, "%u\n", rm_vgpu_vfio_ops.get_mode(phys->nv, mode)) : -ENODEV;       \
    }                                                                                                                \
    static ssize_t file##_store(struct device *dev, struct device_attribute *attr, const char *buf, size_t count)   \
    {                                                                                                                \
        phys_dev_t *phys = nv_find_phys_dev(dev);                                                                    \
        NvU32 value;                                                                                                 \
        int ret = phys ? kstrtou32(buf, 10, &value) : -ENODEV;                                                       \
        if (ret == 0)                                                                                                \
            ret = nv_errno(rm_vgpu_vfio_ops.set_mode(phys->nv, mode, value));                                        \
        return ret ? ret : count;                                                                                    \
    }                                                                                                                \
    static DEVICE_ATTR_RW(file)

NV_MODE_ATTR(mig_mode, NV_MODE_MIG);
NV_MODE_ATTR(mixed_sizes, NV_MODE_MIXED_SIZES);
NV_MODE_ATTR(gpu_instances, NV_MODE_GPU_INSTANCES);

static struct attribute *nv_mode_attrs[] = {
    &dev_attr_mig_mode.attr,
    &dev_attr_mixed_sizes.attr,
    &dev_attr_gpu_instances.attr,
    NULL,
};

static const struct attribute_group nv_mode_group = {
    .name = "reference",
    .attrs = nv_mode_attrs,
};

static NV_STATUS nv_vgpu_probe(struct pci_dev *dev, void *nv, NvU32 num_types, const NvU32 *type_ids)
{
    phys_dev_t *phys;
    int ret;

    phys = kzalloc(sizeof(*phys), GFP_KERNEL);
    if (!phys)
        return NV_ERR_INSUFFICIENT_RESOURCES;
    phys->dev = dev;
    phys->nv = nv;
    phys->num_types = min_t(NvU32, num_types, VFIO_MAX_VGPU_TYPES_PER_PGPU);
    memcpy(phys->type_ids, type_ids, phys->num_types * sizeof(type_ids[0]));

    /* On the list first: as soon as it is registered, a vGPU may be created on it. */
    mutex_lock(&phys_dev_list_lock);
    list_add_tail(&phys->next, &phys_dev_list);
    mutex_unlock(&phys_dev_list_lock);

    /* A card with SR-IOV has its vGPUs on virtual functions only. */
    if (dev->is_physfn)
        ret = sysfs_create_group(&dev->dev.kobj, &nv_mode_group);
    else
        ret = dev->is_virtfn ? nv_vfio_pci_core_init(phys) : nv_vfio_mdev_register_device(phys);
    if (ret == 0)
        return NV_OK;

    pci_err(dev, "nvidia-vgpu-vfio: cannot register for vGPUs: %d\n", ret);
    mutex_lock(&phys_dev_list_lock);
    list_del(&phys->next);
    mutex_unlock(&phys_dev_list_lock);
    kfree(phys);
    return NV_ERR_NOT_SUPPORTED;
}

static void nv_vgpu_remove(struct pci_dev *dev)
{
    phys_dev_t *phys = nv_find_phys_dev(&dev->dev);

    if (!phys)
        return;
    if (dev->is_physfn)
        sysfs_remove_group(&dev->dev.kobj, &nv_mode_group);
    else if (dev->is_virtfn)
        nv_vfio_pci_core_uninit(phys);
    else
        nv_vfio_mdev_unregister_device(phys);

    mutex_lock(&phys_dev_list_lock);
    list_del(&phys->next);
    mutex_unlock(&phys_dev_list_lock);
    kfree(phys);
}

static vgpu_vfio_ops_t vgpu_vfio_ops = {
    .probe            = nv_vgpu_probe,
    .remove           = nv_vgpu_remove,
    .inject_interrupt = nv_vgpu_inject_interrupt,
};

/* The module */

static NV_STATUS (*get_ops)(rm_vgpu_vfio_ops_t *ops);
static NV_STATUS (*set_ops)(vgpu_vfio_ops_t *ops);

static int __init nv_vgpu_vfio_init(void)
{
    int ret = -EINVAL;

    get_ops = symbol_get(nvidia_vgpu_vfio_get_ops);
    if (!get_ops)
    {
        pr_err("nvidia-vgpu-vfio: unable to get symbol nvidia_vgpu_vfio_get_ops from nvidia.ko\n");
        return -EINVAL;
    }
    set_ops = symbol_get(nvidia_vgpu_vfio_set_ops);
    if (!set_ops)
    {
        pr_err("nvidia-vgpu-vfio: unable to get symbol nvidia_vgpu_vfio_set_ops from nvidia.ko\n");
        goto put_get_ops;
    }

    rm_vgpu_vfio_ops.version_string = NV_VERSION_STRING;
    if (get_ops(&rm_vgpu_vfio_ops) != NV_OK)
    {
        pr_err("nvidia-vgpu-vfio: version mismatch: nvidia.ko %s, nvidia-vgpu-vfio.ko %s\n",
               rm_vgpu_vfio_ops.version_string, NV_VERSION_STRING);
        goto put_set_ops;
    }

    ret = misc_register(&vgpu_state_devices[0]);
    if (ret)
        goto put_set_ops;
    ret = misc_register(&vgpu_state_devices[1]);
    if (ret)
        goto deregister_save;

    ret = nv_vfio_mdev_register_driver();
    if (ret)
        goto deregister_resume;

    if (set_ops(&vgpu_vfio_ops) == NV_OK)
        return 0;

    ret = -EBUSY;
    nv_vfio_mdev_unregister_driver();
deregister_resume:
    misc_deregister(&vgpu_state_devices[1]);
deregister_save:
    misc_deregister(&vgpu_state_devices[0]);
put_set_ops:
    symbol_put(nvidia_vgpu_vfio_set_ops);
put_get_ops:
    symbol_put(nvidia_vgpu_vfio_get_ops);
    return ret;
}

static void __exit nv_vgpu_vfio_exit(void)
{
    set_ops(NULL);
    nv_vfio_mdev_unregister_driver();
    misc_deregister(&vgpu_state_devices[1]);
    misc_deregister(&vgpu_state_devices[0]);
    symbol_put(nvidia_vgpu_vfio_set_ops);
    symbol_put(nvidia_vgpu_vfio_get_ops);
}

module_init(nv_vgpu_vfio_init);
module_exit(nv_vgpu_vfio_exit);

MODULE_LICENSE("Dual MIT/GPL");
MODULE_DESCRIPTION("vgpukit's reference driver: vGPUs as VFIO devices");
MODULE_INFO(supported, "external");
MODULE_VERSION(NV_VERSION_STRING);
#if defined(MODULE_IMPORT_NS)
MODULE_IMPORT_NS(IOMMUFD);
#endif
MODULE_SOFTDEP("pre: nvidia");
