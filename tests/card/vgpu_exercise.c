/* Uses a vGPU of a driver that vgpu.py built: as QEMU would, through VFIO, and at the same time as
 * NVIDIA's program for the vGPU would, which answers the accesses and pins the memory of the virtual machine.
 * Prints "ok NAME" or "not ok NAME" for each check.
 *
 *   vgpu_exercise GROUP DEVICE NUMBER BAR1|hold
 *
 * NUMBER is the vGPU's, BAR1 the address of the card's BAR 1, or 0 for a vGPU on a virtual function. With hold it only
 * keeps the vGPU open. The requests to the driver are those of its own header, with which this is compiled. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "nvstatus.h"
#include "nvtypes.h"
/* after the types that it needs */
#include "nv-vgpu-ioctl.h"
#ifndef VFIO_DEVICE_FEATURE_MIG_DATA_SIZE
#define VFIO_DEVICE_FEATURE_MIG_DATA_SIZE 9
#endif

enum { PAGE = 4096, PAGES = 16, IOVA = 0x100000, GFN = IOVA / PAGE, BAR0_AT = 0xe0000000, BAR1_AT = 0xd0000000 };
enum { EVENTS = 4 };

static const NvU32 events[EVENTS] = {NV_VFIO_VGPU_EVENT_VM_REG_ACCESS, NV_VFIO_VGPU_EVENT_VM_SHUTDOWN,
                                     NV_VFIO_VGPU_EVENT_VM_REBOOT, NV_VFIO_VGPU_EVENT_MIGRATION_STATE};
static struct pollfd plugin[EVENTS];
static unsigned char config[PAGE];
static int failed;

static void check(const char* name, int good) {
  printf("%s %s\n", good ? "ok" : "not ok", name);
  failed |= !good;
}

/* One request of NVIDIA's program: the status, or -1. */
static int request(unsigned long command, void* parameters, size_t size) {
  NV_VGPU_DEV_IOCTL_PARAMS header = {.pCmdParams = parameters, .size = (NvU32)size, .status = 0xffff};

  return ioctl(plugin[0].fd, command, &header) ? -1 : (int)header.status;
}

/* --- NVIDIA's program */

static void answer_access(void) {
  NV_VFIO_VGPU_REG_ACCESS_GET_DATA_PARAMS access = {0};
  NV_VFIO_VGPU_REG_ACCESS_SET_DATA_PARAMS answer = {.returnStatus = NV_OK};

  request(NV_VFIO_VGPU_REG_ACCESS_GET_DATA, &access, sizeof(access));
  if (access.emulSpace != VGPU_EMUL_CONFIG_SPACE)
    memcpy(answer.data, (NvU32[]){(NvU32)access.offset}, 4); /* a register reads as its own address */
  else if (access.isWrite)
    memcpy(config + access.offset % PAGE, access.data, access.width);
  else
    memcpy(answer.data, config + access.offset % PAGE, access.width);
  request(NV_VFIO_VGPU_REG_ACCESS_SET_DATA, &answer, sizeof(answer));
}

static void* answer_events(void* unused) {
  NV_VFIO_VGPU_NOTIFY_POWER_OP_PARAMS done = {.returnStatus = NV_OK};
  NV_VFIO_VGPU_NOTIFY_MIGRATION_STATE_STATUS_PARAMS moved = {.returnStatus = NV_OK};

  while (poll(plugin, EVENTS, -1) > 0) {
    if (plugin[0].revents) answer_access();
    if (plugin[1].revents || plugin[2].revents) request(NV_VFIO_VGPU_NOTIFY_POWER_OP, &done, sizeof(done));
    if (plugin[3].revents) request(NV_VFIO_VGPU_NOTIFY_MIGRATION_STATE_STATUS, &moved, sizeof(moved));
  }
  return unused;
}

static int start_answers(int number) {
  static pthread_t thread;
  char line[128], name[64];
  int major = -1, found;
  FILE* file = fopen("/proc/devices", "r");

  while (file && fgets(line, sizeof(line), file))
    if (sscanf(line, "%d %63s", &found, name) == 2 && !strcmp(name, "nvidia-vgpu-vfio")) major = found;
  if (file) fclose(file);
  mknod("/dev/vgpu", S_IFCHR | 0600, makedev((unsigned)major, (unsigned)number));
  for (int i = 0; i < EVENTS; i++) {
    NV_VFIO_VGPU_EVENT_PARAMS event = {.eventType = events[i]};
    NV_VGPU_DEV_IOCTL_PARAMS header = {.pCmdParams = &event, .size = sizeof(event)};

    plugin[i] = (struct pollfd){.fd = open("/dev/vgpu", O_RDWR), .events = POLLIN};
    if (ioctl(plugin[i].fd, NV_VFIO_VGPU_EVENT_CREATE, &header) || header.status != NV_OK) return 0;
  }
  unlink("/dev/vgpu");
  return pthread_create(&thread, 0, answer_events, 0) == 0;
}

/* --- the virtual machine's memory */

static int map(int container, void* memory) {
  struct vfio_iommu_type1_dma_map map = {.argsz = sizeof(map),
                                         .flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
                                         .vaddr = (uintptr_t)memory,
                                         .iova = IOVA,
                                         .size = PAGES * PAGE};

  return ioctl(container, VFIO_IOMMU_MAP_DMA, &map);
}

static int unmap(int container) {
  struct vfio_iommu_type1_dma_unmap unmap = {.argsz = sizeof(unmap), .iova = IOVA, .size = PAGES * PAGE};

  return ioctl(container, VFIO_IOMMU_UNMAP_DMA, &unmap) || unmap.size != PAGES * PAGE;
}

static int pin(VGPU_ADDR_TYPE_T kind, NvU64* guest, NvU64* host, NvU32 count) {
  NV_VFIO_VGPU_PIN_PAGES_PARAMS pin = {guest, host, count, kind};

  return request(NV_VFIO_VGPU_PIN_PAGES, &pin, sizeof(pin));
}

static int unpin(VGPU_ADDR_TYPE_T kind, NvU64* guest, NvU32 count) {
  NV_VFIO_VGPU_UNPIN_PAGES_PARAMS unpin = {guest, count, kind};

  return request(NV_VFIO_VGPU_UNPIN_PAGES, &unpin, sizeof(unpin));
}

/* The number of the page frame behind an address. */
static NvU64 frame_of(const char* at) {
  NvU64 entry = 0;
  int fd = open("/proc/self/pagemap", O_RDONLY);

  if (pread(fd, &entry, sizeof(entry), (off_t)((uintptr_t)at / PAGE * sizeof(entry))) != sizeof(entry)) entry = 0;
  close(fd);
  return entry & ((1ULL << 55) - 1);
}

static void memory_of_the_machine(int container) {
  char* memory = mmap(0, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  NvU64 guest[] = {GFN, GFN + 1, GFN + 2, GFN + 6, GFN + 4, GFN + 5}, host[6] = {0}, none[] = {GFN + 3, 0x900, 0x901};
  int right = 1;

  check("memory: the machine's memory is mapped", map(container, memory) == 0);
  check("memory: pages are pinned", pin(GET_HOST_PFN, guest, host, 6) == NV_OK);
  for (int i = 0; i < 6; i++) right &= host[i] == frame_of(memory + (guest[i] - GFN) * PAGE);
  check("memory: ... and are the right ones", right);
  check("memory: pages are unpinned", unpin(GET_HOST_PFN, guest, 6) == NV_OK);
  check("memory: pages that do not exist are refused", pin(GET_HOST_PFN, none + 1, host, 2) > NV_OK);
  check("memory: ... also after one that exists", pin(GET_HOST_PFN, none, host, 3) > NV_OK);
  check("memory: pages are pinned for the card", pin(GET_IOVA, guest, host, 3) == NV_OK && host[0] != 0);
  check("memory: ... and unpinned", unpin(GET_IOVA, guest, 3) == NV_OK);
  check("memory: pages stay pinned", pin(GET_HOST_PFN, guest, host, 6) == NV_OK);
  check("memory: ... until the machine takes its memory away", unmap(container) == 0);
  check("memory: ... and are not left pinned", map(container, memory) == 0 && unmap(container) == 0);
}

/* --- the device */

static struct vfio_region_info region(int device, unsigned index) {
  struct vfio_region_info info = {.argsz = sizeof(info), .index = index};

  if (ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &info)) info.argsz = 0;
  return info;
}

static void regions(int device, int on_card) {
  static const unsigned long long sizes[] = {16 << 20, 1 << 20, 0, 32 << 20};
  struct {
    struct vfio_region_info info;
    struct vfio_region_info_cap_sparse_mmap sparse;
    struct vfio_region_sparse_mmap_area area;
  } bar0 = {.info = {.argsz = sizeof(bar0), .index = 0}};
  struct vfio_device_info info = {.argsz = sizeof(info)};
  struct vfio_irq_info irq = {.argsz = sizeof(irq), .index = VFIO_PCI_MSI_IRQ_INDEX};

  check("VFIO_DEVICE_GET_INFO", ioctl(device, VFIO_DEVICE_GET_INFO, &info) == 0 && info.num_regions >= 9);
  check("VFIO_DEVICE_GET_IRQ_INFO", ioctl(device, VFIO_DEVICE_GET_IRQ_INFO, &irq) == 0 && irq.count == 1);
  check("regions: the configuration space", region(device, VFIO_PCI_CONFIG_REGION_INDEX).size == PAGE);
  for (unsigned i = 0; on_card && i < 4; i++)
    check("regions: size of a BAR", region(device, i).argsz != 0 && region(device, i).size == sizes[i]);
  check("regions: BAR 1", region(device, 1).size == 1 << 20 && region(device, 1).flags & VFIO_REGION_INFO_FLAG_MMAP);
  check("regions: what may be mapped of BAR 0",
        ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &bar0) == 0 && bar0.info.flags & VFIO_REGION_INFO_FLAG_CAPS &&
            bar0.info.cap_offset == sizeof(bar0.info) && bar0.sparse.header.id == VFIO_REGION_INFO_CAP_SPARSE_MMAP &&
            bar0.sparse.nr_areas == 1 && bar0.area.offset == 0x10000 && bar0.area.size == PAGE);
}

static int config_access(int device, int write, unsigned at, void* data, size_t size) {
  const off_t offset = (off_t)region(device, VFIO_PCI_CONFIG_REGION_INDEX).offset + at;

  return (write ? pwrite(device, data, size, offset) : pread(device, data, size, offset)) == (ssize_t)size;
}

static void accesses(int device) {
  unsigned ids = 0, bars[] = {BAR0_AT, BAR1_AT, 0, 0, 0, 0}, value = 0;

  memcpy(config, "\xde\x10\xb3\x1b", 4);
  check("reading the configuration space", config_access(device, 0, 0, &ids, 4) && ids == 0x1bb310de);
  for (unsigned i = 0; i < 6; i++) check("writing a BAR", config_access(device, 1, 0x10 + 4 * i, &bars[i], 4));
  check("... reads back", config_access(device, 0, 0x14, &value, 4) && value == BAR1_AT);
  check("reading a register",
        pread(device, &value, 4, (off_t)region(device, 0).offset + 0x88) == 4 && value == BAR0_AT + 0x88);
}

static void map_bar1(int device, unsigned long long bar1) {
  const struct vfio_region_info info = region(device, 1);
  NV_VFIO_VGPU_MMIO_MAPPING_PARAMS part = {BAR1_AT + 0x4000, bar1 + 0x8000, 2 * PAGE};
  volatile unsigned* mapped;

  mapped = mmap(0, info.size, PROT_READ | PROT_WRITE, MAP_SHARED, device, (off_t)info.offset);
  check("BAR 1: it is mapped", mapped != MAP_FAILED);
  if (mapped == MAP_FAILED) return;
  check("BAR 1: a part is the card's", request(NV_VFIO_VGPU_ADD_MMIO_MAPPING, &part, sizeof(part)) == NV_OK);
  /* The fake card forgets what is written, but vgpu.py finds it in the card's log. */
  mapped[0x4000 / 4] = 0x12345678;
  mapped[0x5ffc / 4] = 0x9abcdef0;
  check("BAR 1: ... both pages of it", mapped[0x4000 / 4] == 0 && mapped[0x5ffc / 4] == 0);
  mapped[0x20000 / 4] = 1;
  check("BAR 1: elsewhere there is an empty page", mapped[0x20000 / 4] == 1);
  check("BAR 1: the part is taken away", request(NV_VFIO_VGPU_REMOVE_MMIO_MAPPING, &part, sizeof(part)) == NV_OK);
  mapped[0x4000 / 4] = 2;
  check("BAR 1: ... and is the card's no longer", mapped[0x4000 / 4] == 2);
  munmap((void*)mapped, info.size);
  mapped = mmap(0, info.size, PROT_READ | PROT_WRITE, MAP_PRIVATE, device, (off_t)info.offset);
  printf("# BAR 1: a private mapping is %s\n", mapped == MAP_FAILED ? "refused" : "allowed");
  if (mapped != MAP_FAILED) munmap((void*)mapped, info.size);
}

/* The BARs of a virtual function are mapped at once, not by faults. */
static void map_bar3(int device) {
  const struct vfio_region_info info = region(device, 3);
  const volatile unsigned* mapped;

  check("BAR 3: it has a size", info.size != 0 && info.flags & VFIO_REGION_INFO_FLAG_MMAP);
  mapped = mmap(0, info.size, PROT_READ, MAP_SHARED, device, (off_t)info.offset);
  check("BAR 3: it is mapped", mapped != MAP_FAILED && mapped[0] != 0xffffffff);
  if (mapped != MAP_FAILED) munmap((void*)mapped, info.size);
}

static void interrupt(int device) {
  struct {
    struct vfio_irq_set set;
    int fd;
  } irq = {{.argsz = sizeof(irq),
            .flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
            .index = VFIO_PCI_MSI_IRQ_INDEX,
            .count = 1},
           eventfd(0, EFD_NONBLOCK)};
  NvU64 count = 0;

  check("interrupt: the machine waits for it", ioctl(device, VFIO_DEVICE_SET_IRQS, &irq) == 0);
  check("interrupt: it is sent", request(NV_VFIO_VGPU_INJECT_INTERRUPT, 0, 0) == NV_OK);
  check("interrupt: it arrives once", read(irq.fd, &count, 8) == 8 && count == 1);
}

/* The interrupts of a virtual function are its own: the driver asks the kernel for them. */
static void interrupts_of_function(int device) {
  struct {
    struct vfio_irq_set set;
    int fds[2];
  } irq = {{.argsz = sizeof(irq),
            .flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
            .index = VFIO_PCI_MSIX_IRQ_INDEX,
            .count = 2},
           {eventfd(0, EFD_NONBLOCK), eventfd(0, EFD_NONBLOCK)}};
  struct vfio_irq_set none = {.argsz = sizeof(none),
                              .index = VFIO_PCI_MSIX_IRQ_INDEX,
                              .flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER};

  check("MSI-X: the machine waits for two", ioctl(device, VFIO_DEVICE_SET_IRQS, &irq) == 0);
  check("MSI-X: it waits no longer", ioctl(device, VFIO_DEVICE_SET_IRQS, &none) == 0);
}

/* A feature of the device: 0, or the error. */
static int feature(int device, unsigned flags, void* data, size_t size) {
  struct {
    struct vfio_device_feature feature;
    unsigned long long data[4];
  } request = {.feature = {.argsz = (unsigned)(sizeof(request.feature) + size), .flags = flags}};
  int error;

  memcpy(request.data, data, size);
  error = ioctl(device, VFIO_DEVICE_FEATURE, &request) ? errno : 0;
  memcpy(data, request.data, size);
  return error;
}

#ifdef BRANCH_460 /* its way of migration was removed in 5.18 */
static void migration(int device) {
  struct vfio_device_feature_migration can = {0};

  check("migration: the vGPU cannot migrate",
        feature(device, VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_MIGRATION, &can, sizeof(can)) == ENOTTY);
}
#else
static void migration(int device) {
  struct vfio_device_feature_migration can = {0};
  struct vfio_device_feature_mig_state state = {0};
  unsigned long long size = 0;
  int error;

  check("migration: the vGPU can stop and copy",
        feature(device, VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_MIGRATION, &can, sizeof(can)) == 0 &&
            can.flags == VFIO_MIGRATION_STOP_COPY);
  check("migration: its state",
        feature(device, VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE, &state, sizeof(state)) == 0);
  printf("# migration: the state is %u\n", state.device_state);
  /* before 6.2: ENOTTY */
  error = feature(device, VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_MIG_DATA_SIZE, &size, sizeof(size));
  check("migration: nobody knows how much data", error == EOPNOTSUPP || error == ENOTTY);
  printf("# migration: the amount of data: %s\n", strerror(error));
}
#endif

static int failure(const char* what) {
  printf("not ok %s: %s\n", what, strerror(errno));
  return 1;
}

int main(int argc, char** argv) {
  struct vfio_group_status status = {.argsz = sizeof(status)};
  int container, group, device;
  unsigned long long bar1;
  char path[64];

  if (argc != 5) return 2;
  bar1 = strtoull(argv[4], 0, 0); /* 0 for "hold" as well */
  setvbuf(stdout, 0, _IONBF, 0);
  snprintf(path, sizeof(path), "/dev/vfio/%s", argv[1]);
  container = open("/dev/vfio/vfio", O_RDWR);
  group = open(path, O_RDWR);
  if (group < 0) return failure(path);
  if (ioctl(group, VFIO_GROUP_GET_STATUS, &status) || !(status.flags & VFIO_GROUP_FLAGS_VIABLE))
    return failure("the group is viable");
  if (ioctl(group, VFIO_GROUP_SET_CONTAINER, &container)) return failure("VFIO_GROUP_SET_CONTAINER");
  if (ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU)) return failure("VFIO_SET_IOMMU");
  device = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, argv[2]);
  if (device < 0) return failure("VFIO_GROUP_GET_DEVICE_FD");
  if (!strcmp(argv[4], "hold")) {
    printf("# holds\n");
    for (;;) pause();
  }
  if (!start_answers(atoi(argv[3]))) return failure("the vGPU's own file takes events");
  regions(device, bar1 != 0);
  accesses(device);
  memory_of_the_machine(container);
  if (bar1)
    map_bar1(device, bar1);
  else
    map_bar3(device);
  interrupt(device);
  if (!bar1) interrupts_of_function(device);
  migration(device);
  check("VFIO_DEVICE_RESET", ioctl(device, VFIO_DEVICE_RESET) == 0);
  close(device);
  printf("# closed\n");
  return failed;
}
