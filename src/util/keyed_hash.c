/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/util/keyed_hash.h"

#include <gnutls/crypto.h>
#include <string.h>

/* Rounds for each word of the message, and at the end. */
#define WORD_ROUNDS 2
#define LAST_ROUNDS 4

#define WORD 8

typedef struct {
    guint64 v[4];
} State;

static guint64 rotate(guint64 x, guint bits)
{
    return (x << bits) | (x >> (64 - bits));
}

static guint64 load(gconstpointer bytes)
{
    guint64 word;
    memcpy(&word, bytes, sizeof word);
    return GUINT64_FROM_LE(word);
}

static void mix(State *state, guint rounds)
{
    guint64 *v = state->v;
    for (guint i = 0; i < rounds; i++) {
        v[0] += v[1];
        v[1] = rotate(v[1], 13) ^ v[0];
        v[0] = rotate(v[0], 32);
        v[2] += v[3];
        v[3] = rotate(v[3], 16) ^ v[2];
        v[0] += v[3];
        v[3] = rotate(v[3], 21) ^ v[0];
        v[2] += v[1];
        v[1] = rotate(v[1], 17) ^ v[2];
        v[2] = rotate(v[2], 32);
    }
}

static void take_word(State *state, guint64 word)
{
    state->v[3] ^= word;
    mix(state, WORD_ROUNDS);
    state->v[0] ^= word;
}

guint64 keyed_hash_siphash(const guint8 key[SIPHASH_KEY_BYTES], gconstpointer data, gsize length)
{
    guint64 low = load(key);
    guint64 high = load(key + WORD);
    /* The constants are the paper's: "somepseudorandomlygeneratedbytes". */
    State state = {{
        low ^ G_GUINT64_CONSTANT(0x736f6d6570736575),
        high ^ G_GUINT64_CONSTANT(0x646f72616e646f6d),
        low ^ G_GUINT64_CONSTANT(0x6c7967656e657261),
        high ^ G_GUINT64_CONSTANT(0x7465646279746573),
    }};
    const guint8 *at = data;
    for (gsize left = length; left >= WORD; left -= WORD, at += WORD)
        take_word(&state, load(at));
    /* The last word has what is left, and the length in its highest byte. */
    guint8 last[WORD] = {0};
    if (length % WORD > 0)
        memcpy(last, at, length % WORD);
    last[WORD - 1] = (guint8)length;
    take_word(&state, load(last));
    state.v[2] ^= 0xff;
    mix(&state, LAST_ROUNDS);
    return state.v[0] ^ state.v[1] ^ state.v[2] ^ state.v[3];
}

/* The key of the process: a constant from the first call on. */
static const guint8 *process_key(void)
{
    static guint8 key[SIPHASH_KEY_BYTES];
    static gsize ready;
    if (g_once_init_enter(&ready)) {
        if (gnutls_rnd(GNUTLS_RND_KEY, key, sizeof key) < 0)
            g_error("GnuTLS has no random numbers; nothing can be encrypted without them");
        g_once_init_leave(&ready, 1);
    }
    return key;
}

guint keyed_hash_bytes(gconstpointer data, gsize length)
{
    guint64 hash = keyed_hash_siphash(process_key(), data, length);
    return (guint)(hash ^ (hash >> 32));
}

guint keyed_hash_text(gconstpointer text)
{
    return keyed_hash_bytes(text, strlen(text));
}

guint keyed_hash_number(gconstpointer number)
{
    return keyed_hash_bytes(&number, sizeof number);
}
