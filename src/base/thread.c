/* SPDX-License-Identifier: Apache-2.0 */
#include "base/thread.h"

enum { THREAD_STACK = 256 * 1024 };

int thread_start(pthread_t *ret, void *(*fn)(void *), void *arg, struct error *err)
{
	pthread_attr_t attr;
	pthread_t thread;
	int r;

	pthread_attr_init(&attr);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	pthread_attr_setstacksize(&attr, THREAD_STACK);
#endif
	if (!ret)
		pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	r = pthread_create(&thread, &attr, fn, arg);
	pthread_attr_destroy(&attr);
	if (r != 0)
		return error_set_errno(err, r, "cannot start a thread");
	if (ret)
		*ret = thread;
	return 0;
}
