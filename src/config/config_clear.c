/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ftpsfs/config/config.h"

#include <string.h>

void config_clear(MountConfig *config)
{
    source_free(config->source);
    config_let_go(config);
    g_free(config->mountpoint);
    g_free(config->target);
    g_free(config->server);
    g_free(config->alias);
    g_free(config->trace_file);
    g_free(config->printed);
    g_free(config->codepage);
    g_free(config->server_tz);
    g_clear_pointer(&config->time_zone, g_time_zone_unref);
    g_free(config->virtual_host);
    g_strfreev(config->init_commands);
    g_free(config->ca_file);
    g_free(config->ca_path);
    g_free(config->crl_file);
    g_free(config->cert);
    g_free(config->key);
    g_free(config->priority);
    g_free(config->credentials_file);
    g_free(config->password_command);
    g_free(config->setuid_name);
    g_free(config->state_dir);
    g_free(config->spool_dir);
    g_free(config->cache_dir);
    g_free(config->stats_file);
    g_free(config->known_hosts);
    g_free(config->rescue_dir);
    g_free(config->writeback_dir);
    g_clear_pointer(&config->pins, g_ptr_array_unref);
    g_clear_pointer(&config->fuse_options, g_ptr_array_unref);
    memset(config, 0, sizeof(*config));
    config->mountpoint_fd = -1;
}

void config_free(MountConfig *config)
{
    if (config == NULL)
        return;
    config_clear(config);
    g_free(config);
}
