#include "backup/restore/stored_dump.h"

namespace pgbackup {

Error damaged(std::string message) {
  return {ErrorKind::corrupt, std::move(message),
          "this backup is damaged: restore another one (--id, or with two destinations --from; "
          "pg-backup list shows them)"};
}

}  // namespace pgbackup
