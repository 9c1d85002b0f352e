/* SPDX-License-Identifier: MIT */
/*
 * Maps the first card's registers to user space.
 */

#include "nv.h"
#include "nv-mm.h"

int nvidia_mmap(struct file *file, struct vm_area_struct *vma)
{
    unsigned long size = vma->vm_end - vma->vm_start;
    NvU64 offset = (NvU64)vma->vm_pgoff << PAGE_SHIFT;
    nv_linux_state_t *nvl;
    resource_size_t start, length;
    int ret = -ENODEV;

    mutex_lock(&nv_linux_devices_lock);
    nvl = list_first_entry_or_null(&nv_linux_devices, nv_linux_state_t, next);
    if (!nvl)
        goto done;

    start  = pci_resource_start(nvl->pci_dev, 0);
    length = pci_resource_len(nvl->pci_dev, 0);
    ret = -EINVAL;
    if (offset > length || size > length - offset)
        goto done;

    vma->vm_page_prot = pgprot_noncached(vma->vm_page_prot);
    nv_vm_flags_set(vma, VM_IO | VM_DONTEXPAND | VM_DONTDUMP);
    nv_vm_flags_clear(vma, VM_MAYEXEC);
    ret = remap_pfn_range(vma, vma->vm_start, (start + offset) >> PAGE_SHIFT, size, vma->vm_page_prot);

done:
    mutex_unlock(&nv_linux_devices_lock);
    return ret;
}
