/* SPDX-License-Identifier: Apache-2.0 */
#include "base/socket.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "unit.h"

TEST(live_sockets_are_not_stolen)
{
	struct error err = { 0 };
	char path[200];

	snprintf(
		path, sizeof(path),
		"%s/a-name-that-makes-the-path-longer-than-what-fits-into-a-socket-address-which-is-107-bytes",
		unit_scratch());
	AUTO_CLOSE int l = unix_listen(path, 0600, &err);
	assert_true(l >= 0);
	assert_int_equal(unix_listen(path, 0600, &err) >= 0, 0);
	assert_int_equal(err.kind, ERROR_CONFLICT);
	AUTO_CLOSE int c = unix_connect(path, &err);
	assert_true(c >= 0);
	close(TAKE_FD(l));
	AUTO_CLOSE int again = unix_listen(path, 0600, &err);
	assert_true(again >= 0);
}

TEST(descriptors_travel)
{
	int pair[2], got[2];
	size_t n = 2;
	char c = 0;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(socket_send_fds(pair[0], "x", 1, (int[]){ 0, 1 }, 2), 0);
	assert_int_equal(socket_recv_fds(pair[1], &c, 1, got, &n), 1);
	assert_int_equal(n, 2);
	for (int i = 0; i < 2; i++) {
		close(got[i]);
		close(pair[i]);
	}
}
