/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/cache/chunks.h"

/* What a chunk costs at least: its bookkeeping. Without it a great many small files would take far
 * more memory than the capacity says. */
#define CHUNK_COST_MIN 512

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

struct ChunkCache {
    GMutex lock;        /* guards all below */
    gsize capacity;     /* limit of `cost` */
    gsize cost;         /* sum of chunk_cost */
    gsize used;         /* bytes of content */
    GHashTable *chunks; /* ChunkKey (within the Chunk) -> Chunk */
    GHashTable *nodes;  /* node (within the NodeChunks) -> NodeChunks; none is empty */
    GQueue by_age;      /* Chunk, most recently used first */
};

/* The finisher of SplitMix64: node numbers and indices are small and dense, and versions may differ
 * in high bits only. */
static guint64 mix(guint64 x)
{
    x = (x ^ (x >> 30)) * G_GUINT64_CONSTANT(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * G_GUINT64_CONSTANT(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static guint key_hash(gconstpointer pointer)
{
    const ChunkKey *key = pointer;
    return (guint)mix(mix(mix(key->node) + key->version) + key->index);
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

ChunkCache *chunks_new(gsize capacity)
{
    ChunkCache *cache = g_new0(ChunkCache, 1);
    g_mutex_init(&cache->lock);
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
    g_mutex_clear(&cache->lock);
    g_free(cache);
}

GBytes *chunks_get(ChunkCache *cache, guint64 node, guint64 version, guint64 index)
{
    const ChunkKey key = {node, version, index};
    GBytes *bytes = NULL;
    g_mutex_lock(&cache->lock);
    Chunk *chunk = g_hash_table_lookup(cache->chunks, &key);
    if (chunk != NULL) {
        g_queue_unlink(&cache->by_age, &chunk->by_age);
        g_queue_push_head_link(&cache->by_age, &chunk->by_age);
        bytes = g_bytes_ref(chunk->bytes);
    }
    g_mutex_unlock(&cache->lock);
    return bytes;
}

gboolean chunks_has(ChunkCache *cache, guint64 node, guint64 version, guint64 index)
{
    const ChunkKey key = {node, version, index};
    g_mutex_lock(&cache->lock);
    gboolean has = g_hash_table_contains(cache->chunks, &key);
    g_mutex_unlock(&cache->lock);
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

    g_mutex_lock(&cache->lock);
    Chunk *old = g_hash_table_lookup(cache->chunks, &chunk->key);
    if (old != NULL)
        dropped = take_out(cache, old, dropped);
    put_in(cache, chunk);
    /* The new chunk is at the head and fits by itself, so this ends before it. */
    while (cache->cost > cache->capacity)
        dropped = take_out(cache, cache->by_age.tail->data, dropped);
    g_mutex_unlock(&cache->lock);

    free_dropped(dropped);
}

void chunks_drop(ChunkCache *cache, guint64 node)
{
    GList *dropped = NULL;
    g_mutex_lock(&cache->lock);
    NodeChunks *chunks = g_hash_table_lookup(cache->nodes, &node);
    /* The last chunk takes `chunks` with it, so it is counted down here. */
    for (guint left = chunks != NULL ? chunks->chunks.length : 0; left > 0; left--)
        dropped = take_out(cache, chunks->chunks.head->data, dropped);
    g_mutex_unlock(&cache->lock);
    free_dropped(dropped);
}

gsize chunks_used(ChunkCache *cache)
{
    g_mutex_lock(&cache->lock);
    gsize used = cache->used;
    g_mutex_unlock(&cache->lock);
    return used;
}
