/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * src/ftp/listing: listings of all kinds of servers, as entries. Offers a parser that
 * src/ftp/remote feeds with bytes; it does no input or output. Uses src/ftp, src/ftp/session and
 * src/util.
 *
 * listing - turns MLSD/MLST facts (RFC 3659 section 7) and LIST output into entries.
 *
 * A ListingParser belongs to one transfer and is used by one thread; it streams, so a listing of
 * any size takes the memory of one line. Entries passed to the callback live for the call.
 */
#ifndef FTPSFS_SRC_FTP_LISTING_LISTING_H
#define FTPSFS_SRC_FTP_LISTING_LISTING_H

#include <gio/gio.h>

#include "ftpsfs/ftp/entry.h"

#define LISTING_LINE_MAX (64 * 1024)

typedef enum {
    LISTING_MLSD,
    LISTING_LIST, /* dialect found from the lines */
} ListingKind;

/* The dialects of LIST. AUTO until a line has told. */
typedef enum {
    LISTING_DIALECT_AUTO,
    LISTING_DIALECT_UNIX, /* ls -l */
    LISTING_DIALECT_WINDOWS,
    LISTING_DIALECT_NETWARE,
    LISTING_DIALECT_VMS,
    LISTING_DIALECT_MVS,
    LISTING_DIALECT_AS400,
    LISTING_DIALECT_EPLF,
    LISTING_DIALECT_WFTPD, /* name first: Nortel's WfFtp; and VxWorks. WFTPD on DOS speaks UNIX */
    LISTING_DIALECT_TANDEM,
} ListingDialect;

typedef struct {
    ListingDialect dialect; /* what this server was found to speak, or AUTO */
    const char *codepage;   /* iconv name of the server's encoding; NULL: UTF-8 */
    gint64 now;             /* the server's clock, seconds since 1970 UTC: resolves missing years */
    GTimeZone *zone;        /* of LIST times; NULL: zone_offset. Outlives the parser */
    gint64 zone_offset;     /* seconds to subtract from LIST times to get UTC */
    const char *path;       /* the directory's, for messages; may be NULL */
} ListingContext;

typedef struct ListingParser ListingParser;

/* `context` is copied. */
ListingParser *listing_parser_new(ListingKind kind, const ListingContext *context, EntryFunc func,
                                  gpointer data);
void listing_parser_free(ListingParser *parser);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ListingParser, listing_parser_free)

/* Takes bytes as they came. The entries of the directory itself and its parent (cdir, pdir, "." and
 * "..") are not passed on; "total N" and blank lines are skipped.
 *
 * Unsafe names (empty, longer than ENTRY_NAME_MAX, or with '/' or NUL) are dropped. So are lines
 * that the dialect can't have (for MLSD: without facts), which come of names that hold a line end:
 * any user of the server can make one, and the directory must stay readable. listing_parser_finish
 * logs a warning for each of the two kinds.
 *
 * FTPSFS_ERROR_PROTOCOL on a line over LISTING_LINE_MAX, or when the lines not understood outnumber
 * the others by 32. FTPSFS_ERROR_ACCESS or FTPSFS_ERROR_IO on the words of an ls that can't read
 * the directory ("ls: cannot open directory ..."). After an error the parser can only be freed. */
gboolean listing_parser_feed(ListingParser *parser, const char *data, gsize length, GError **error);

/* The end of the data: parses a last line without line end. Fails like feed, and when there were
 * lines but none was understood. */
gboolean listing_parser_finish(ListingParser *parser, GError **error);

/* The dialect that the lines so far have shown. */
ListingDialect listing_parser_dialect(const ListingParser *parser);

/* A dialect in a word or two: "unix", "as400". */
const char *listing_dialect_name(ListingDialect dialect);

/* Lines dropped so far: for their names, or because they were not understood. */
guint listing_parser_dropped(const ListingParser *parser);

/* Parses the facts of one MLST line (" type=file;size=3; /path/name", leading space optional) into
 * `entry`; the name is what follows the facts, any path in front of the last '/' cut. It may be
 * empty (for "/") or "." here: the caller has asked for a path and knows the name. cdir and pdir
 * are directories here. FTPSFS_ERROR_PROTOCOL. */
gboolean listing_parse_mlst(const char *line, const ListingContext *context, RemoteEntry *entry,
                            GError **error);

/* Parses an RFC 3659 time-val ("YYYYMMDDHHMMSS[.sss]", UTC). FALSE when it is none. */
gboolean listing_parse_time(const char *text, gint64 *seconds, gint32 *nanoseconds);

#endif
