/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "chunks.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "ftpsfs/util/keyed_hash.h"
#include "ftpsfs/util/lock.h"

/* What a chunk costs at least: its bookkeeping. Without it a great many small files would take far
 * more memory than the capacity says. */
#define CHUNK_COST_MIN 512

/* Memory for whole chunks is taken from the system in such pieces: a huge page. */
#define REGION_SIZE ((gsize)2 * 1024 * 1024)

typedef struct {
    guint64 node;
    guint64 version;
    guint64 index;
} ChunkKey;

typedef struct {
    GQueue chunks; /* Chunk, linked by Chunk.in_node */
    guint64 node;
} NodeChunks;

typedef struct {
    ChunkKey key;
    GBytes *bytes;
    NodeChunks *owner;
    GList by_age;  /* in ChunkCache.by_age */
    GList in_node; /* in owner->chunks */
} Chunk;

/* Memory of whole chunks. Each GBytes in it has a reference. */
typedef struct {
    gint references; /* atomic */
    Lock lock;       /* guards what follows */
    GPtrArray *free; /* buffers of CHUNK_SIZE that are not in use */
    GPtrArray *regions;
} Buffers;

typedef struct {
    Buffers *buffers; /* a reference */
    guint8 *buffer;
} Loan;

struct ChunkCache {
    Buffers *buffers;
    Lock lock;          /* guards all below */
    gsize capacity;     /* limit of `cost` */
    gsize cost;         /* sum of chunk_cost */
    gsize used;         /* bytes of content */
    GHashTable *chunks; /* ChunkKey (within the Chunk) -> Chunk */
    GHashTable *nodes;  /* node (within the NodeChunks) -> NodeChunks; none is empty */
    GQueue by_age;      /* Chunk, most recently used first */
};

/* A program chooses the index when it reads far apart in a large file. Three whole words: the key
 * has no padding. */
static guint key_hash(gconstpointer key)
{
    return keyed_hash_bytes(key, sizeof(ChunkKey));
}

static gboolean key_equal(gconstpointer a, gconstpointer b)
{
    const ChunkKey *left = a;
    const ChunkKey *right = b;
    return left->node == right->node && left->version == right->version &&
           left->index == right->index;
}

static gsize chunk_cost(const Chunk *chunk)
{
    return MAX(g_bytes_get_size(chunk->bytes), (gsize)CHUNK_COST_MIN);
}

static void chunk_free(gpointer pointer)
{
    Chunk *chunk = pointer;
    g_bytes_unref(chunk->bytes);
    g_free(chunk);
}

/* ---- memory ---- */

static Buffers *buffers_new(void)
{
    Buffers *buffers = g_new0(Buffers, 1);
    buffers->references = 1;
    lock_init(&buffers->lock, LOCK_RANK_BUFFERS);
    buffers->free = g_ptr_array_new();
    buffers->regions = g_ptr_array_new_with_free_func(free);
    return buffers;
}

static void buffers_unref(Buffers *buffers)
{
    if (!g_atomic_int_dec_and_test(&buffers->references))
        return;
    g_ptr_array_unref(buffers->free);
    g_ptr_array_unref(buffers->regions);
    lock_clear(&buffers->lock);
    g_free(buffers);
}

/* Lock held. */
static void add_region(Buffers *buffers)
{
    guint8 *region = aligned_alloc(REGION_SIZE, REGION_SIZE);
    if (region == NULL)
        g_error("no memory for file content");
    /* Without huge pages it is only slower. */
    if (madvise(region, REGION_SIZE, MADV_HUGEPAGE) != 0)
        g_debug("no huge pages for file content");
    g_ptr_array_add(buffers->regions, region);
    for (gsize at = REGION_SIZE; at > 0; at -= CHUNK_SIZE)
        g_ptr_array_add(buffers->free, region + at - CHUNK_SIZE);
}

guint8 *chunks_buffer_new(ChunkCache *cache, gsize length)
{
    Buffers *buffers = cache->buffers;
    if (length < CHUNK_SIZE)
        return g_malloc(length);
    lock_take(&buffers->lock);
    if (buffers->free->len == 0)
        add_region(buffers);
    guint8 *buffer = g_ptr_array_steal_index_fast(buffers->free, buffers->free->len - 1);
    lock_release(&buffers->lock);
    return buffer;
}

static void give_back(Buffers *buffers, guint8 *buffer)
{
    lock_take(&buffers->lock);
    g_ptr_array_add(buffers->free, buffer);
    lock_release(&buffers->lock);
}

void chunks_buffer_free(ChunkCache *cache, guint8 *buffer, gsize length)
{
    if (buffer == NULL)
        return;
    if (length < CHUNK_SIZE)
        g_free(buffer);
    else
        give_back(cache->buffers, buffer);
}

static void end_loan(gpointer pointer)
{
    g_autofree Loan *loan = pointer;
    give_back(loan->buffers, loan->buffer);
    buffers_unref(loan->buffers);
}

GBytes *chunks_buffer_to_bytes(ChunkCache *cache, guint8 *buffer, gsize length)
{
    if (length < CHUNK_SIZE)
        return g_bytes_new_take(buffer, length);
    Loan *loan = g_new(Loan, 1);
    g_atomic_int_inc(&cache->buffers->references);
    *loan = (Loan){cache->buffers, buffer};
    return g_bytes_new_with_free_func(buffer, length, end_loan, loan);
}

/* ---- the cache ---- */

ChunkCache *chunks_new(gsize capacity)
{
    ChunkCache *cache = g_new0(ChunkCache, 1);
    lock_init(&cache->lock, LOCK_RANK_CHUNKS);
    cache->buffers = buffers_new();
    cache->capacity = MAX(capacity, (gsize)CHUNK_SIZE);
    cache->chunks = g_hash_table_new(key_hash, key_equal);
    cache->nodes = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, g_free);
    g_queue_init(&cache->by_age);
    return cache;
}

/* Takes the chunk out of the cache and puts it before `dropped`, which the caller hands to
 * free_dropped once it has left the lock: freeing content may call into the owner of its memory. */
static GList *take_out(ChunkCache *cache, Chunk *chunk, GList *dropped)
{
    cache->cost -= chunk_cost(chunk);
    cache->used -= g_bytes_get_size(chunk->bytes);
    g_hash_table_remove(cache->chunks, &chunk->key);
    g_queue_unlink(&cache->by_age, &chunk->by_age);
    g_queue_unlink(&chunk->owner->chunks, &chunk->in_node);
    if (chunk->owner->chunks.length == 0)
        g_hash_table_remove(cache->nodes, &chunk->owner->node);
    chunk->owner = NULL;
    chunk->by_age.next = dropped;
    return &chunk->by_age;
}

static void free_dropped(GList *dropped)
{
    while (dropped != NULL) {
        GList *next = dropped->next;
        chunk_free(dropped->data);
        dropped = next;
    }
}

void chunks_free(ChunkCache *cache)
{
    if (cache == NULL)
        return;
    free_dropped(cache->by_age.head);
    g_hash_table_unref(cache->chunks);
    g_hash_table_unref(cache->nodes);
    buffers_unref(cache->buffers);
    lock_clear(&cache->lock);
    g_free(cache);
}

GBytes *chunks_get(ChunkCache *cache, guint64 node, guint64 version, guint64 index)
{
    const ChunkKey key = {node, version, index};
    GBytes *bytes = NULL;
    lock_take(&cache->lock);
    Chunk *chunk = g_hash_table_lookup(cache->chunks, &key);
    if (chunk != NULL) {
        g_queue_unlink(&cache->by_age, &chunk->by_age);
        g_queue_push_head_link(&cache->by_age, &chunk->by_age);
        bytes = g_bytes_ref(chunk->bytes);
    }
    lock_release(&cache->lock);
    return bytes;
}

gboolean chunks_has(ChunkCache *cache, guint64 node, guint64 version, guint64 index)
{
    const ChunkKey key = {node, version, index};
    lock_take(&cache->lock);
    gboolean has = g_hash_table_contains(cache->chunks, &key);
    lock_release(&cache->lock);
    return has;
}

static NodeChunks *node_chunks(ChunkCache *cache, guint64 node)
{
    NodeChunks *found = g_hash_table_lookup(cache->nodes, &node);
    if (found != NULL)
        return found;
    NodeChunks *made = g_new0(NodeChunks, 1);
    made->node = node;
    g_queue_init(&made->chunks);
    g_hash_table_insert(cache->nodes, &made->node, made);
    return made;
}

static void put_in(ChunkCache *cache, Chunk *chunk)
{
    cache->cost += chunk_cost(chunk);
    cache->used += g_bytes_get_size(chunk->bytes);
    chunk->owner = node_chunks(cache, chunk->key.node);
    g_hash_table_insert(cache->chunks, &chunk->key, chunk);
    g_queue_push_head_link(&cache->by_age, &chunk->by_age);
    g_queue_push_head_link(&chunk->owner->chunks, &chunk->in_node);
}

void chunks_put(ChunkCache *cache, guint64 node, guint64 version, guint64 index, GBytes *bytes)
{
    g_return_if_fail(g_bytes_get_size(bytes) <= CHUNK_SIZE);
    Chunk *chunk = g_new0(Chunk, 1);
    chunk->key = (ChunkKey){node, version, index};
    chunk->bytes = g_bytes_ref(bytes);
    chunk->by_age.data = chunk;
    chunk->in_node.data = chunk;
    GList *dropped = NULL;

    lock_take(&cache->lock);
    Chunk *old = g_hash_table_lookup(cache->chunks, &chunk->key);
    if (old != NULL)
        dropped = take_out(cache, old, dropped);
    put_in(cache, chunk);
    /* The new chunk is at the head and fits by itself, so this ends before it. */
    while (cache->cost > cache->capacity)
        dropped = take_out(cache, cache->by_age.tail->data, dropped);
    lock_release(&cache->lock);

    free_dropped(dropped);
}

void chunks_forget(ChunkCache *cache, guint64 node, guint64 version, guint64 index)
{
    const ChunkKey key = {node, version, index};
    GList *dropped = NULL;
    lock_take(&cache->lock);
    Chunk *chunk = g_hash_table_lookup(cache->chunks, &key);
    if (chunk != NULL)
        dropped = take_out(cache, chunk, dropped);
    lock_release(&cache->lock);
    free_dropped(dropped);
}

void chunks_drop(ChunkCache *cache, guint64 node)
{
    GList *dropped = NULL;
    lock_take(&cache->lock);
    NodeChunks *chunks = g_hash_table_lookup(cache->nodes, &node);
    /* The last chunk takes `chunks` with it, so it is counted down here. */
    for (guint left = chunks != NULL ? chunks->chunks.length : 0; left > 0; left--)
        dropped = take_out(cache, chunks->chunks.head->data, dropped);
    lock_release(&cache->lock);
    free_dropped(dropped);
}

gsize chunks_used(ChunkCache *cache)
{
    lock_take(&cache->lock);
    gsize used = cache->used;
    lock_release(&cache->lock);
    return used;
}
