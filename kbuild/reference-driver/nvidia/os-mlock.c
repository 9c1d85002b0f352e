/* SPDX-License-Identifier: MIT */
/*
 * Finds the physical memory behind an address of the calling process.
 */

#include "nv.h"
#include "nv-mm.h"

static inline int nv_follow_pfn(struct vm_area_struct *vma,
                                unsigned long address,
                                unsigned long *pfn)
{
#if defined(NV_UNSAFE_FOLLOW_PFN_PRESENT)
    return unsafe_follow_pfn(vma, address, pfn);
#else
    return follow_pfn(vma, address, pfn);
#endif
}

/*
 * Looks up a range of I/O memory that the process has mapped, for example another device's registers. A real driver
 * registers such memory for access by the card with it.
 *
 * Returns NV_ERR_INVALID_ADDRESS if it is not I/O memory, is not wholly mapped, or is not contiguous.
 */
NV_STATUS os_lookup_user_io_memory(void *address, NvU64 page_count, NvU64 *first_pfn)
{
    struct mm_struct *mm = current->mm;
    unsigned long start = (unsigned long)address & PAGE_MASK;
    NV_STATUS status = NV_ERR_INVALID_ADDRESS;
    struct vm_area_struct *vma;
    unsigned long pfn, expected = 0;
    NvU64 i;

    nv_mmap_read_lock(mm);

    vma = find_vma(mm, start);
    if (!vma || vma->vm_start > start || !(vma->vm_flags & (VM_IO | VM_PFNMAP)))
        goto done;
    if (page_count == 0 || page_count > (vma->vm_end - start) >> PAGE_SHIFT)
        goto done;

    for (i = 0; i < page_count; i++)
    {
        if (nv_follow_pfn(vma, start + (i << PAGE_SHIFT), &pfn) < 0)
            goto done;
        if (i == 0)
            *first_pfn = pfn;
        else if (pfn != expected)
            goto done;
        expected = pfn + 1;
    }
    status = NV_OK;

done:
    nv_mmap_read_unlock(mm);
    return status;
}
