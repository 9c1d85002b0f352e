/* SPDX-License-Identifier: MIT */
/*
 * A card's memory as a dma-buf. There is no way to ask for one yet (a real driver has an ioctl for it).
 */

#include "nv.h"

#include <linux/dma-buf.h>
#include <linux/err.h>

static int nv_dma_buf_attach(struct dma_buf *buf, struct dma_buf_attachment *attachment)
{
    /* A card's memory has no struct page, so only peer to peer works. */
    if (dma_buf_attachment_is_dynamic(attachment) && !attachment->peer2peer)
        return -EOPNOTSUPP;
    return 0;
}

static struct sg_table *nv_dma_buf_map(struct dma_buf_attachment *attachment, enum dma_data_direction direction)
{
    return ERR_PTR(-EOPNOTSUPP);
}

static void nv_dma_buf_unmap(struct dma_buf_attachment *attachment, struct sg_table *sgt, enum dma_data_direction direction)
{
}

static void nv_dma_buf_release(struct dma_buf *buf)
{
}

static const struct dma_buf_ops nv_dma_buf_ops __maybe_unused = {
    .attach        = nv_dma_buf_attach,
    .map_dma_buf   = nv_dma_buf_map,
    .unmap_dma_buf = nv_dma_buf_unmap,
    .release       = nv_dma_buf_release,
};

NV_STATUS nv_dma_buf_export(nv_linux_state_t *nvl, int *fd)
{
#if NV_IS_EXPORT_SYMBOL_GPL_dma_buf_export
    /* Not for us, then. */
    return NV_ERR_NOT_SUPPORTED;
#else
    DEFINE_DMA_BUF_EXPORT_INFO(info);
    struct dma_buf *buf;

    info.ops = &nv_dma_buf_ops;
    info.size = pci_resource_len(nvl->pci_dev, 0);
    info.flags = O_RDWR | O_CLOEXEC;
    info.priv = nvl;

    buf = dma_buf_export(&info);
    if (IS_ERR(buf))
        return NV_ERR_INSUFFICIENT_RESOURCES;

    *fd = dma_buf_fd(buf, O_CLOEXEC);
    if (*fd < 0)
    {
        dma_buf_put(buf);
        return NV_ERR_INSUFFICIENT_RESOURCES;
    }
    return NV_OK;
#endif
}
