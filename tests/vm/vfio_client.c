/* Opens a VFIO device as QEMU would, to check that a vGPU works and does not only exist in sysfs.
 *
 *   vfio_client GROUP DEVICE [SECONDS]
 *
 * GROUP is a number of /dev/vfio, DEVICE a UUID or a PCI address. With SECONDS the program prints a line "open" and
 * keeps the device open for that long. The exit status is 0 only if the configuration space could be read. */
#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static int failed(const char* what) {
  printf("%s: %s\n", what, strerror(errno));
  return 1;
}

int main(int argc, char** argv) {
  struct vfio_group_status status = {.argsz = sizeof(status)};
  struct vfio_device_info info = {.argsz = sizeof(info)};
  struct vfio_region_info config = {.argsz = sizeof(config), .index = VFIO_PCI_CONFIG_REGION_INDEX};
  unsigned short ids[2];
  char path[64];
  int container, group, device;

  if (argc < 3) {
    fprintf(stderr, "usage: vfio_client GROUP DEVICE [SECONDS]\n");
    return 2;
  }
  snprintf(path, sizeof(path), "/dev/vfio/%s", argv[1]);
  container = open("/dev/vfio/vfio", O_RDWR);
  if (container < 0) return failed("/dev/vfio/vfio");
  group = open(path, O_RDWR);
  if (group < 0) return failed(path);
  if (ioctl(group, VFIO_GROUP_GET_STATUS, &status)) return failed("VFIO_GROUP_GET_STATUS");
  if (!(status.flags & VFIO_GROUP_FLAGS_VIABLE)) {
    printf("the group is not viable: a device in it has a driver that is not VFIO's\n");
    return 1;
  }
  if (ioctl(group, VFIO_GROUP_SET_CONTAINER, &container)) return failed("VFIO_GROUP_SET_CONTAINER");
  if (ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU)) return failed("VFIO_SET_IOMMU");
  device = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, argv[2]);
  if (device < 0) return failed("VFIO_GROUP_GET_DEVICE_FD");
  if (ioctl(device, VFIO_DEVICE_GET_INFO, &info)) return failed("VFIO_DEVICE_GET_INFO");
  if (ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &config)) return failed("VFIO_DEVICE_GET_REGION_INFO");
  if (pread(device, ids, sizeof(ids), (off_t)config.offset) != sizeof(ids))
    return failed("reading the configuration space");
  printf("flags %x regions %u irqs %u vendor %04x device %04x\n", info.flags, info.num_regions, info.num_irqs, ids[0],
         ids[1]);
  if (argc > 3) {
    printf("open\n");
    fflush(stdout);
    sleep((unsigned)atoi(argv[3]));
  }
  return 0;
}
