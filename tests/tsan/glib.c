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

/* GLib drops the bytes that these are part of by a call of its own, which would go past the above.
 */
GBytes *g_bytes_new_from_bytes(GBytes *bytes, gsize offset, gsize length)
{
    const guint8 *data = g_bytes_get_data(bytes, NULL);
    return g_bytes_new_with_free_func(data + offset, length, (GDestroyNotify)g_bytes_unref,
                                      g_bytes_ref(bytes));
}

/* Of libtsan, in no header of GCC's. */
void AnnotateIgnoreWritesBegin(const char *file, int line);
void AnnotateIgnoreWritesEnd(const char *file, int line);

/* Work handed to a pool: pushing it comes before doing it, and all of it before the pool is gone.
 * The pool's own queue is ordered by a lock inside of GLib; what is allocated for it on this side
 * is freed on the other, and neither is ours. */
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
    AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
    gboolean pushed = next(pool, data, error);
    AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
    return pushed;
}

/* GLib's last thread may free the pool, in an order that is GLib's own lock's. "noipa": or else the
 * compiler has the caller, which is not exempt, read the field. */
__attribute__((no_sanitize("thread"), noipa)) static PoolWork *work_of(const GThreadPool *pool)
{
    return pool->user_data;
}

void g_thread_pool_free(GThreadPool *pool, gboolean immediate, gboolean wait)
{
    REAL(g_thread_pool_free)
    PoolWork *work = work_of(pool);
    AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
    next(pool, immediate, wait);
    AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
    __tsan_acquire(work);
    /* Without a wait a thread may still use it. */
    if (wait)
        g_free(work);
}
