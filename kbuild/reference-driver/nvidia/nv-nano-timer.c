/* SPDX-License-Identifier: MIT */
/*
 * Timers for the resource manager. A real driver uses high resolution timers; these have the resolution of a jiffy.
 */

#include "nv.h"

struct nv_nano_timer
{
    struct timer_list jiffy_timer;
    void (*callback)(void *arg);
    void *arg;
};

static void nv_jiffy_timer_callback(struct timer_list *timer)
{
    nv_nano_timer_t *nv_nstimer = container_of(timer, nv_nano_timer_t, jiffy_timer);

    nv_nstimer->callback(nv_nstimer->arg);
}

nv_nano_timer_t *nv_create_nano_timer(void (*callback)(void *arg), void *arg)
{
    nv_nano_timer_t *nv_nstimer = kzalloc(sizeof(*nv_nstimer), GFP_KERNEL);

    if (!nv_nstimer)
        return NULL;
    nv_nstimer->callback = callback;
    nv_nstimer->arg = arg;
    timer_setup(&nv_nstimer->jiffy_timer, nv_jiffy_timer_callback, 0);
    return nv_nstimer;
}

/* Runs the callback once, time_ns from now, in interrupt context. The callback may start the timer again. */
void nv_start_nano_timer(nv_nano_timer_t *nv_nstimer, NvU64 time_ns)
{
    unsigned long delay = time_ns / (NSEC_PER_SEC / HZ);

    mod_timer(&nv_nstimer->jiffy_timer, jiffies + max(1UL, delay));
}

/* When this returns, the callback neither runs nor will. */
void nv_cancel_nano_timer(nv_nano_timer_t *nv_nstimer)
{
    del_timer_sync(&nv_nstimer->jiffy_timer);
}

void nv_destroy_nano_timer(nv_nano_timer_t *nv_nstimer)
{
    nv_cancel_nano_timer(nv_nstimer);
    kfree(nv_nstimer);
}
