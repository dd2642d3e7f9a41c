/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What coracle-archive's main() calls: hear the request, enter the jail, do it, answer. */
int archive_helper_main(void);
