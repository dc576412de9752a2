// What store.h promises, as checks that every store must pass. A further store is one more call in
// store_contract_test.cc.
#pragma once

#include <cstddef>

#include "common/store/store.h"

namespace pgbackup {

/// `visible_after_bytes`: so many bytes into a stream its unfinished write can be listed (a part
/// and one byte for S3). Works below a folder of its own and leaves nothing there.
void run_store_contract(Store& store, size_t visible_after_bytes);

}  // namespace pgbackup
