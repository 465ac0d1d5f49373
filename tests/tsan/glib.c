/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ThreadSanitizer does not see the locks of a GLib that was built without it (they are futexes and
 * atomics inlined in the library) and reports races where there are none. This file is linked into
 * each executable that is built with -fsanitize=thread, and into nothing else: it puts itself
 * before GLib's functions and tells the sanitizer what they do. GLib calls its own functions
 * directly, not these.
 */
#include <dlfcn.h>
#include <gio/gio.h>
#include <sanitizer/tsan_interface.h>

/* The function of this name in GLib. Looking it up twice does no harm. */
#define REAL(name)                                                                                 \
    static __typeof__(&name) real;                                                                 \
    __typeof__(&name) next = __atomic_load_n(&real, __ATOMIC_RELAXED);                             \
    if (next == NULL) {                                                                            \
        *(void **)(&next) = dlsym(RTLD_NEXT, #name);                                               \
        __atomic_store_n(&real, next, __ATOMIC_RELAXED);                                           \
    }

void g_mutex_lock(GMutex *mutex)
{
    REAL(g_mutex_lock)
    __tsan_mutex_pre_lock(mutex, 0);
    next(mutex);
    __tsan_mutex_post_lock(mutex, 0, 0);
}

gboolean g_mutex_trylock(GMutex *mutex)
{
    REAL(g_mutex_trylock)
    __tsan_mutex_pre_lock(mutex, __tsan_mutex_try_lock);
    gboolean locked = next(mutex);
    __tsan_mutex_post_lock(mutex,
                           __tsan_mutex_try_lock | (locked ? 0 : __tsan_mutex_try_lock_failed), 0);
    return locked;
}

void g_mutex_unlock(GMutex *mutex)
{
    REAL(g_mutex_unlock)
    __tsan_mutex_pre_unlock(mutex, 0);
    next(mutex);
    __tsan_mutex_post_unlock(mutex, 0);
}

void g_mutex_clear(GMutex *mutex)
{
    REAL(g_mutex_clear)
    __tsan_mutex_destroy(mutex, 0);
    next(mutex);
}

void g_rec_mutex_lock(GRecMutex *mutex)
{
    REAL(g_rec_mutex_lock)
    __tsan_mutex_pre_lock(mutex, __tsan_mutex_write_reentrant);
    next(mutex);
    __tsan_mutex_post_lock(mutex, __tsan_mutex_write_reentrant, 0);
}

void g_rec_mutex_unlock(GRecMutex *mutex)
{
    REAL(g_rec_mutex_unlock)
    __tsan_mutex_pre_unlock(mutex, __tsan_mutex_write_reentrant);
    next(mutex);
    __tsan_mutex_post_unlock(mutex, __tsan_mutex_write_reentrant);
}

void g_rw_lock_writer_lock(GRWLock *lock)
{
    REAL(g_rw_lock_writer_lock)
    __tsan_mutex_pre_lock(lock, 0);
    next(lock);
    __tsan_mutex_post_lock(lock, 0, 0);
}

void g_rw_lock_writer_unlock(GRWLock *lock)
{
    REAL(g_rw_lock_writer_unlock)
    __tsan_mutex_pre_unlock(lock, 0);
    next(lock);
    __tsan_mutex_post_unlock(lock, 0);
}

void g_rw_lock_reader_lock(GRWLock *lock)
{
    REAL(g_rw_lock_reader_lock)
    __tsan_mutex_pre_lock(lock, __tsan_mutex_read_lock);
    next(lock);
    __tsan_mutex_post_lock(lock, __tsan_mutex_read_lock, 0);
}

void g_rw_lock_reader_unlock(GRWLock *lock)
{
    REAL(g_rw_lock_reader_unlock)
    __tsan_mutex_pre_unlock(lock, __tsan_mutex_read_lock);
    next(lock);
    __tsan_mutex_post_unlock(lock, __tsan_mutex_read_lock);
}

/* A wait gives the mutex up and takes it again. What a signaller did is ordered by the mutex. */
void g_cond_wait(GCond *cond, GMutex *mutex)
{
    REAL(g_cond_wait)
    __tsan_mutex_pre_unlock(mutex, 0);
    __tsan_mutex_post_unlock(mutex, 0);
    next(cond, mutex);
    __tsan_mutex_pre_lock(mutex, 0);
    __tsan_mutex_post_lock(mutex, 0, 0);
}

gboolean g_cond_wait_until(GCond *cond, GMutex *mutex, gint64 end_time)
{
    REAL(g_cond_wait_until)
    __tsan_mutex_pre_unlock(mutex, 0);
    __tsan_mutex_post_unlock(mutex, 0);
    gboolean signalled = next(cond, mutex, end_time);
    __tsan_mutex_pre_lock(mutex, 0);
    __tsan_mutex_post_lock(mutex, 0, 0);
    return signalled;
}

/* The last of several threads to drop a reference frees what the others have used. */
#define ORDER_UNREF(function, Type)                                                                \
    void function(Type object)                                                                     \
    {                                                                                              \
        REAL(function)                                                                             \
        if (object != NULL) {                                                                      \
            __tsan_release((void *)object);                                                        \
            __tsan_acquire((void *)object);                                                        \
        }                                                                                          \
        next(object);                                                                              \
    }

ORDER_UNREF(g_bytes_unref, GBytes *)
ORDER_UNREF(g_object_unref, gpointer)
ORDER_UNREF(g_hash_table_unref, GHashTable *)
ORDER_UNREF(g_ptr_array_unref, GPtrArray *)
ORDER_UNREF(g_byte_array_unref, GByteArray *)

/* Work handed to a pool: pushing it comes before doing it, and all of it before the pool is gone.
 */
typedef struct {
    GFunc function;
    gpointer user_data;
} PoolWork;

static void do_work(gpointer data, gpointer pointer)
{
    PoolWork *work = pointer;
    __tsan_acquire(work);
    __tsan_acquire(data);
    work->function(data, work->user_data);
    __tsan_release(work);
}

GThreadPool *g_thread_pool_new(GFunc function, gpointer user_data, gint max_threads,
                               gboolean exclusive, GError **error)
{
    REAL(g_thread_pool_new)
    PoolWork *work = g_new(PoolWork, 1);
    *work = (PoolWork){function, user_data};
    __tsan_release(work);
    return next(do_work, work, max_threads, exclusive, error);
}

gboolean g_thread_pool_push(GThreadPool *pool, gpointer data, GError **error)
{
    REAL(g_thread_pool_push)
    __tsan_release(data);
    return next(pool, data, error);
}

/* GLib's last thread may free the pool, in an order that is GLib's own lock's. */
__attribute__((no_sanitize("thread"), noinline)) static PoolWork *work_of(const GThreadPool *pool)
{
    return pool->user_data;
}

void g_thread_pool_free(GThreadPool *pool, gboolean immediate, gboolean wait)
{
    REAL(g_thread_pool_free)
    PoolWork *work = work_of(pool);
    next(pool, immediate, wait);
    __tsan_acquire(work);
    /* Without a wait a thread may still use it. */
    if (wait)
        g_free(work);
}

void g_async_queue_push(GAsyncQueue *queue, gpointer data)
{
    REAL(g_async_queue_push)
    __tsan_release(data);
    next(queue, data);
}

gpointer g_async_queue_pop(GAsyncQueue *queue)
{
    REAL(g_async_queue_pop)
    gpointer data = next(queue);
    __tsan_acquire(data);
    return data;
}

gpointer g_async_queue_try_pop(GAsyncQueue *queue)
{
    REAL(g_async_queue_try_pop)
    gpointer data = next(queue);
    if (data != NULL)
        __tsan_acquire(data);
    return data;
}

gpointer g_async_queue_timeout_pop(GAsyncQueue *queue, guint64 timeout)
{
    REAL(g_async_queue_timeout_pop)
    gpointer data = next(queue, timeout);
    if (data != NULL)
        __tsan_acquire(data);
    return data;
}
