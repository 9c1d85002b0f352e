/* SPDX-License-Identifier: MIT */
#ifndef __NV_MM_H__
#define __NV_MM_H__

#include "conftest.h"

#include <linux/mm.h>
#include <linux/mmap_lock.h>

static inline void nv_mmap_read_lock(struct mm_struct *mm)
{
    mmap_read_lock(mm);
}

static inline void nv_mmap_read_unlock(struct mm_struct *mm)
{
    mmap_read_unlock(mm);
}

static inline void nv_vm_flags_set(struct vm_area_struct *vma, vm_flags_t flags)
{
#if defined(NV_VM_FLAGS_SET_PRESENT)
    vm_flags_set(vma, flags);
#else
    vma->vm_flags |= flags;
#endif
}

static inline void nv_vm_flags_clear(struct vm_area_struct *vma, vm_flags_t flags)
{
#if defined(NV_VM_FLAGS_SET_PRESENT)
    vm_flags_clear(vma, flags);
#else
    vma->vm_flags &= ~flags;
#endif
}

#endif
