/* Takes the place of nvidia/nv-kernel.o_binary in the sources of a vGPU driver of branch 460 or 525: see vgpu.py.
 *
 * The real object is NVIDIA's resource manager, which drives the card. This one drives nothing: it says that the card
 * has three types of vGPUs, counts them, and refuses all else. vgpu.py adds a function that fails for each other name
 * that the driver calls.
 *
 * A card that is not NVIDIA's stands for one with SR-IOV: its vGPUs are on its virtual functions only. */
#define NVRM 1
#include <stddef.h>

#include "nvstatus.h"
#include "nvtypes.h"
/* after the types that they need */
#include "nv-hypervisor.h"
#include "nv.h"
#include "os-interface.h"

enum { WORKS = 1, DOES_NOT_START = 2, CANNOT_BE_CREATED = 3, TYPES = 3, EACH = 2, NAME_BYTES = 12 };

/* A vGPU's number is its place here. The name is the start of its UUID, or the address of its virtual function. */
static struct {
  NvU32 type;
  char name[NAME_BYTES];
} vgpus[8];
static NvU64 mapped_offset = 0x10000, mapped_size = 0x1000; /* what a virtual machine may map of BAR 0 */

static NvBool same(const char* a, const NvU8* b) {
  int i;

  for (i = 0; i < NAME_BYTES; i++)
    if (a[i] != (char)b[i]) return 0;
  return 1;
}

static NvU32 used(NvU32 type) {
  NvU32 i, count = 0;

  for (i = 0; i < 8; i++)
    if (vgpus[i].type == type) count++;
  return count;
}

/* --- what the driver calls while it loads and finds a card */

NvBool rm_init_rm(nvidia_stack_t* sp) {
  return 1;
}
NvBool rm_init_event_locks(nvidia_stack_t* sp, nv_state_t* nv) {
  return 1;
}
NvBool rm_init_private_state(nvidia_stack_t* sp, nv_state_t* nv) {
  return 1;
}
NV_STATUS rm_is_supported_device(nvidia_stack_t* sp, nv_state_t* nv) {
  return NV_OK;
}

NvBool rm_is_supported_pci_device(NvU8 class, NvU8 subclass, NvU16 vendor, NvU16 device, NvU16 subvendor,
                                  NvU16 subdevice, NvBool print) {
  return 1;
}

const char* pNVRM_ID = "a stand-in";
HYPERVISOR_TYPE nv_get_hypervisor_type(void) {
  return OS_HYPERVISOR_KVM;
}
NV_STATUS nv_gpu_bind_event(nvidia_stack_t* sp) {
  return NV_OK;
}

NV_STATUS nv_vgpu_process_vf_info(nvidia_stack_t* sp, nv_state_t* nv, NvU8 command, NvU32 domain, NvU8 bus, NvU8 slot,
                                  NvU8 function, NvBool attached, void* info) {
  return NV_OK;
}

/* --- types */

static NvU32 list_types(nv_state_t* nv, NvU32* types, NvBool is_function) {
  NvU32 i;

  if (nv->pci_info.vendor_id != 0x10de && !is_function) return 0;
  for (i = 0; i < TYPES; i++) types[i] = i + 1;
  return TYPES;
}

#ifdef BRANCH_460
NV_STATUS nv_vgpu_get_type_ids(nvidia_stack_t* sp, nv_state_t* nv, NvU32* count, NvU32** types, NvBool is_function) {
  const NV_STATUS status =
      os_alloc_mem((void**)types, TYPES * sizeof(NvU32)); /* the driver frees it if there are any */

  if (status != NV_OK) return status;
  *count = list_types(nv, *types, is_function);
  if (*count == 0) os_free_mem(*types);
  return NV_OK;
}
#else
NV_STATUS nv_vgpu_get_type_ids(nvidia_stack_t* sp, nv_state_t* nv, NvU32* count, NvU32* types, NvBool is_function,
                               NvU8 devfn, NvBool creatable) {
  *count = list_types(nv, types, is_function);
  return NV_OK;
}
#endif

NV_STATUS nv_vgpu_get_type_info(nvidia_stack_t* sp, nv_state_t* nv, NvU32 type, char* text, int which, NvU8 devfn) {
  static const char names[TYPES][24] = {"STAND-IN works\n", "STAND-IN never starts\n", "STAND-IN refused\n"};
  int i = 0;

  if (type < 1 || type > TYPES) return NV_ERR_INVALID_ARGUMENT;
  switch (which) {
    case VGPU_TYPE_NAME:
    case VGPU_TYPE_DESCRIPTION:
      do text[i] = names[type - 1][i];
      while (text[i++]);
      return NV_OK;
    case VGPU_TYPE_INSTANCES:
      text[0] = (char)('0' + EACH - used(type));
      text[1] = '\n';
      text[2] = 0;
      return NV_OK;
  }
  return NV_ERR_INVALID_ARGUMENT;
}

/* --- vGPUs */

#ifdef BRANCH_460
NV_STATUS nv_vgpu_create_request(nvidia_stack_t* sp, nv_state_t* nv, const NvU8* name, NvU32 type, NvU16* number,
                                 NvU32 address) {
#else
NV_STATUS nv_vgpu_create_request(nvidia_stack_t* sp, nv_state_t* nv, const NvU8* name, NvU32 type, NvU16* number,
                                 NvU32 address, NvBool* is_driver_vm) {
#endif
  NvU16 place = 0;
  int i;

  if (type == CANNOT_BE_CREATED) return NV_ERR_NOT_SUPPORTED;
  if (used(type) == EACH) return NV_ERR_INSUFFICIENT_RESOURCES;
  while (vgpus[place].type != 0) place++;
  vgpus[place].type = type;
  for (i = 0; i < NAME_BYTES; i++) vgpus[place].name[i] = (char)name[i];
  *number = place;
#ifndef BRANCH_460
  *is_driver_vm = 0;
#endif
  return NV_OK;
}

NV_STATUS nv_vgpu_delete(nvidia_stack_t* sp, const NvU8* name, NvU16 number) {
  if (number >= 8 || vgpus[number].type == 0 || !same(vgpus[number].name, name)) return NV_ERR_OBJECT_NOT_FOUND;
  vgpus[number].type = 0;
  return NV_OK;
}

/* The resource manager would start NVIDIA's program for the vGPU, which sets *status and wakes the waiting driver. */
NV_STATUS nv_vgpu_start(nvidia_stack_t* sp, const NvU8* name, void* queue, NvS32* status, NvU8* machine, NvU32 pid) {
  int i;

  for (i = 0; i < 8; i++)
    if (vgpus[i].type == WORKS && same(vgpus[i].name, name)) {
      machine[0] = 'x';
      machine[1] = 0;
      *status = NV_OK;
      return NV_OK;
    }
  return NV_ERR_NOT_SUPPORTED;
}

NV_STATUS nv_vgpu_update_request(nvidia_stack_t* sp, const NvU8* name, NvU32 state, NvU64* offsets, NvU64* sizes,
                                 const char* parameters) {
  return NV_OK;
}

#ifdef BRANCH_460
NV_STATUS nv_vgpu_get_bar_info(nvidia_stack_t* sp, nv_state_t* nv, const NvU8* name, NvU64* size, NvU32 bar,
                               void* device, void** host_device) {
#else
NV_STATUS nv_vgpu_get_bar_info(nvidia_stack_t* sp, nv_state_t* nv, const NvU8* name, NvU64* size, NvU32 bar,
                               void* device) {
#endif
  static const NvU64 sizes[4] = {16 << 20, 1 << 20, 0, 32 << 20};

  if (bar > 3) return NV_ERR_INVALID_ARGUMENT;
  *size = sizes[bar];
  return NV_OK;
}

NV_STATUS nv_vgpu_get_sparse_mmap(nvidia_stack_t* sp, nv_state_t* nv, const NvU8* name, NvU64** offsets, NvU64** sizes,
                                  NvU32* count) {
  *offsets = &mapped_offset;
  *sizes = &mapped_size;
  *count = 1;
  return NV_OK;
}
