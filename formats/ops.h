#pragma once
// Operation codes, result codes and permission bits: number and name, one row each (ZooDefs.OpCode,
// KeeperException.Code, ZooDefs.Perms).
#include <cstdint>
#include <string_view>

namespace zkark {

/// The type field of a txn header. Codes that appear in logs; -11 … 21.
enum class TxnType : std::int32_t {
  kCreateSession = -10,
  kCloseSession = -11,
  kError = -1,
  kCreate = 1,
  kDelete = 2,
  kSetData = 5,
  kSetAcl = 7,
  kCheck = 13,  // only inside multi
  kMulti = 14,
  kCreate2 = 15,
  kReconfig = 16,
  kCreateContainer = 19,
  kDeleteContainer = 20,
  kCreateTtl = 21,
};

/// "create", "closeSession", …; "unknown" for any other number.
constexpr std::string_view txn_type_name(TxnType type) {
  switch (type) {
    case TxnType::kCreateSession:
      return "createSession";
    case TxnType::kCloseSession:
      return "closeSession";
    case TxnType::kError:
      return "error";
    case TxnType::kCreate:
      return "create";
    case TxnType::kDelete:
      return "delete";
    case TxnType::kSetData:
      return "setData";
    case TxnType::kSetAcl:
      return "setACL";
    case TxnType::kCheck:
      return "check";
    case TxnType::kMulti:
      return "multi";
    case TxnType::kCreate2:
      return "create2";
    case TxnType::kReconfig:
      return "reconfig";
    case TxnType::kCreateContainer:
      return "createContainer";
    case TxnType::kDeleteContainer:
      return "deleteContainer";
    case TxnType::kCreateTtl:
      return "createTTL";
  }
  return "unknown";
}

/// "NoNode" for -101 and so on; "code" for a number without a name.
constexpr std::string_view zk_code_name(std::int32_t code) {
  switch (code) {
    case 0:
      return "Ok";
    case -1:
      return "SystemError";
    case -2:
      return "RuntimeInconsistency";
    case -3:
      return "DataInconsistency";
    case -4:
      return "ConnectionLoss";
    case -5:
      return "MarshallingError";
    case -6:
      return "Unimplemented";
    case -7:
      return "OperationTimeout";
    case -8:
      return "BadArguments";
    case -13:
      return "NewConfigNoQuorum";
    case -14:
      return "ReconfigInProgress";
    case -100:
      return "APIError";
    case -101:
      return "NoNode";
    case -102:
      return "NoAuth";
    case -103:
      return "BadVersion";
    case -108:
      return "NoChildrenForEphemerals";
    case -110:
      return "NodeExists";
    case -111:
      return "NotEmpty";
    case -112:
      return "SessionExpired";
    case -113:
      return "InvalidCallback";
    case -114:
      return "InvalidACL";
    case -115:
      return "AuthFailed";
    case -118:
      return "SessionMoved";
    case -119:
      return "NotReadOnly";
    case -120:
      return "EphemeralOnLocalSession";
    case -121:
      return "NoWatcher";
    case -122:
      return "RequestTimeout";
    case -123:
      return "ReconfigDisabled";
    case -124:
      return "SessionClosedRequireSaslAuth";
    case -125:
      return "QuotaExceeded";
    case -127:
      return "ThrottledOp";
    default:
      return "code";
  }
}

struct Perms {
  static constexpr std::int32_t kRead = 1, kWrite = 2, kCreate = 4, kDelete = 8, kAdmin = 16, kAll = 31;
};

}  // namespace zkark
