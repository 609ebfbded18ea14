// SPDX-License-Identifier: GPL-2.0-or-later
#include "doctor/evaluate.h"

#include <algorithm>

#include "doctor/match.h"

namespace warren::doctor {
namespace {

constexpr std::size_t kMaxJumps = 16;  // the kernel's own bound
constexpr int kMaxRules =
    50'000;  // looked at for one packet: chains that jump to each other could be endless
constexpr const char* kUnread = "rules that cannot be read";

enum class Verdict : std::uint8_t { none, accept, drop, jump, go_to, leave, queue };

Verdict verdict_of(const Json& statement) {
  if (member(statement, "accept")) return Verdict::accept;
  if (member(statement, "drop") || member(statement, "reject")) return Verdict::drop;
  if (member(statement, "jump")) return Verdict::jump;
  if (member(statement, "goto")) return Verdict::go_to;
  if (member(statement, "return")) return Verdict::leave;
  if (member(statement, "queue") || member(statement, "synproxy")) return Verdict::queue;
  const auto* xt = member(statement, "xt");
  const auto* name = xt ? text_of(member(*xt, "name")) : nullptr;
  if (!name) return Verdict::none;
  if (*name == "REJECT" || *name == "DROP") return Verdict::drop;
  return *name == "NFQUEUE" || *name == "SYNPROXY" ? Verdict::queue : Verdict::none;
}

/// One packet's way through a base chain and what it jumps to, both where rules surely and where they perhaps
/// apply.
class Walk {
 public:
  Walk(const Ruleset::Content& content, const View& view) : content_(content), view_(view) {}

  std::optional<Drop> run(const Entry& entry) {
    if (!content_.readable)
      return entry.policy_drop ? std::optional(end(entry, kUnread, false)) : std::nullopt;
    const auto last = walk(entry.chain, true);
    if (last == End::passed && entry.policy_drop && !sure_drop_) note("policy drop", entry.chain, true);
    auto found = sure_drop_ ? std::move(sure_drop_) : std::move(possible_drop_);
    if (found && budget_ <= 0) found->certain = false;
    return found;
  }

 private:
  enum class End : std::uint8_t { passed, accepted, dropped };
  struct Frame {
    const std::string& chain;
    bool sure;  // false: the packet may not have come to this rule
    const Rule* rule = nullptr;
  };

  static Drop end(const Entry& entry, std::string rule, bool certain) {
    Drop drop;
    drop.path = {entry.chain};
    drop.rule = std::move(rule);
    drop.certain = certain;
    return drop;
  }

  void note(std::string rule, const std::string& chain, bool certain) {
    auto& place = certain ? sure_drop_ : possible_drop_;
    if (place) return;
    place = end({chain, view_.hook, false}, std::move(rule), certain);
    if (!path_.empty()) place->path = path_;
    place->unless = unless_;
  }

  void note_unread_accept(const Rule& rule) {
    if (unless_.empty()) unless_ = rule_text(rule.statements);
  }

  /// Where the walk ends here; nothing when it goes on with the next rule.
  std::optional<End> jump(const Json& verdict, bool sure) {
    const auto* body = member(verdict, "jump") ? member(verdict, "jump") : member(verdict, "goto");
    const auto* target = body ? text_of(member(*body, "target")) : nullptr;
    const auto last = target ? walk(*target, sure) : End::passed;
    return sure && last != End::passed ? std::optional(last) : std::nullopt;
  }

  std::optional<End> apply(const Json& verdict, Truth truth, Frame& frame) {
    const bool sure = frame.sure && truth == Truth::yes;
    switch (verdict_of(verdict)) {
      case Verdict::none:
        return std::nullopt;
      case Verdict::accept:
        if (sure) return End::accepted;
        note_unread_accept(*frame.rule);
        return truth == Truth::yes ? std::optional(End::passed) : std::nullopt;
      case Verdict::drop:
        note(rule_text(frame.rule->statements), frame.chain, sure);
        if (truth == Truth::yes) return sure ? End::dropped : End::passed;
        return std::nullopt;
      case Verdict::queue:  // a program decides
        note(rule_text(frame.rule->statements), frame.chain, false);
        return truth == Truth::yes ? std::optional(sure ? End::accepted : End::passed) : std::nullopt;
      case Verdict::leave:
        if (truth == Truth::yes) return End::passed;
        frame.sure = false;
        return std::nullopt;
      case Verdict::jump:
        return jump(verdict, sure);
      case Verdict::go_to: {
        const auto last = jump(verdict, sure);
        if (truth == Truth::yes) return last.value_or(End::passed);
        frame.sure = false;
        return std::nullopt;
      }
    }
    return std::nullopt;
  }

  std::optional<End> rule(Frame& frame) {
    auto truth = Truth::yes;
    for (const auto& statement : frame.rule->statements.items()) {
      if (const auto* vmap = member(statement, "vmap")) return look_up_verdict(*vmap, truth, frame);
      if (verdict_of(statement) != Verdict::none) return apply(statement, truth, frame);
      truth = std::min(truth, condition(statement, view_, content_));
      if (truth == Truth::no) break;
    }
    return std::nullopt;
  }

  std::optional<End> look_up_verdict(const Json& vmap, Truth truth, Frame& frame) {
    for (const auto& [found, verdict] : look_up(vmap, view_, content_))
      if (--budget_ <= 0)
        break;
      else if (const auto last = apply(*verdict, std::min(truth, found), frame))
        return last;
    return std::nullopt;
  }

  End walk(const std::string& name, bool sure) {
    const auto chain = content_.chains.find(name);
    if (chain == content_.chains.end() || path_.size() > kMaxJumps) return End::passed;
    path_.push_back(name);
    Frame frame{name, sure};
    std::optional<End> last;
    for (const auto& next : chain->second) {
      if (--budget_ <= 0) break;
      frame.rule = &next;
      if ((last = rule(frame))) break;
    }
    path_.pop_back();
    return last.value_or(End::passed);
  }

  const Ruleset::Content& content_;
  const View view_;
  std::vector<std::string> path_;
  std::optional<Drop> sure_drop_;
  std::optional<Drop> possible_drop_;
  std::string unless_;
  int budget_ = kMaxRules;
};

}  // namespace

std::optional<Drop> evaluate(const Ruleset& ruleset, const Entry& entry, const Packet& packet) {
  auto drop = Walk(ruleset.content(), View{packet, entry.hook}).run(entry);
  if (drop) drop->hook = entry.hook;
  return drop;
}

}  // namespace warren::doctor
