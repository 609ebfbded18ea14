// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <vector>

#include "host/host.h"
#include "host/kernel.h"
#include "kinds/device/aspects.h"
#include "kinds/device/look.h"
#include "kinds/device/others.h"
#include "model/derive.h"
#include "netlink/link.h"
#include "rooms/room.h"
#include "store/store.h"

namespace warren::device {

/// Makes the devices of spaces, mends them, and takes them away.
class Devices {
 public:
  /// `uplinks`: those of the host, which stay there.
  Devices(host::Kernel& kernel, store::Store& store, const model::Settings& settings,
          std::vector<std::string>& said, std::vector<IfName> uplinks)
      : kernel_(kernel), store_(store), settings_(settings), said_(said), uplinks_(std::move(uplinks)) {}

  /// Can this host have it? Nothing is changed. Error: usage, exists or not_found.
  [[nodiscard]] Status check(const model::Space& space, const model::Device& device, const Others& others);
  /// May it have its addresses? Error: exists, with whose one is.
  [[nodiscard]] Status check_addresses(const model::Space& space, const model::Device& device,
                                       const Others& others);
  /// Puts `missing` in place. On failure nothing new of it is left.
  [[nodiscard]] Status put(const model::Space& space, model::Device device, Parts missing);
  /// Takes it away; what is not there is fine. A physical one is on the host again, as it was.
  /// One that is nowhere to be found may live on where its tenant hid it: that is worth a word the first
  /// time.
  enum class Say { nothing, lost };
  [[nodiscard]] Status drop(const model::Space& space, const model::Device& device, Say say);

 private:
  /// What is at hand while one device is worked on.
  struct Site {
    const model::Space& space;
    const model::Device& device;
    rooms::Room& room;
  };

  [[nodiscard]] Status check_vlan(const model::Space& space, const model::Device& device,
                                  const Others& others);
  [[nodiscard]] Status make(const Site& site);
  [[nodiscard]] Status make_upper(const Site& site);
  [[nodiscard]] Status make_pair(const Site& site);
  [[nodiscard]] Status furnish(const Site& site, Parts missing);
  [[nodiscard]] Status furnish_inside(const Site& site, Parts missing);
  [[nodiscard]] Status drop_old(const Site& site);
  [[nodiscard]] Status put_host_end(const Site& site);
  [[nodiscard]] Status put_shim(const Site& site);
  [[nodiscard]] Status clear_name(const Site& site);
  [[nodiscard]] Result<netlink::Link> require_base(const model::Device& device);
  [[nodiscard]] Status put_base(const model::Device& device);
  [[nodiscard]] Status drop_base(const model::Space& space, const model::Device& device);
  [[nodiscard]] Status drop_host_end(const model::Space& space, const model::Device& device);

  // Those that sit on an interface of the host, whatever they are called inside.
  [[nodiscard]] Result<std::vector<int>> find_uppers(const Site& site);
  [[nodiscard]] Result<bool> clear_uppers(const Site& site);  ///< were there any?
  [[nodiscard]] Result<bool> drop_inside(const Site& site);

  enum class Found { yes, no };  ///< no: it may live on where its tenant hid it
  [[nodiscard]] Result<Found> take_away(const model::Space& space, const model::Device& device);
  void say_lost(const model::Space& space, const model::Device& device);

  // Physical ones.
  [[nodiscard]] Status check_physical(const model::Space& space, const model::Device& device,
                                      const Others& others);
  [[nodiscard]] Status check_free(const netlink::Link& link, const model::Device& device);
  [[nodiscard]] Result<netlink::Link> require_on_host(const model::Space& space, const model::Device& device);
  [[nodiscard]] Status take_in(const model::Space& space, model::Device& device, rooms::Room& room);
  [[nodiscard]] Status give_back(const model::Space& space, const model::Device& device, rooms::Room* room);
  [[nodiscard]] Result<std::optional<netlink::Link>> find_on_host(const model::Device& device);
  [[nodiscard]] Result<std::optional<netlink::Link>> find_inside(const model::Device& device,
                                                                 rooms::Room& room);
  [[nodiscard]] Result<IfName> free_name(const model::Device& device);
  [[nodiscard]] Result<std::optional<netlink::Link>> fetch(const model::Space& space,
                                                           const model::Device& device, rooms::Room& room);
  [[nodiscard]] Status send_away(const netlink::Link& link, const model::Space& space,
                                 const model::Device& device, const rooms::Room& room);
  [[nodiscard]] Status move_home(int index, const netlink::LinkMove& move, rooms::Room& room);
  [[nodiscard]] Status restore_altnames(const netlink::Link& link, const model::Origin& origin);
  [[nodiscard]] Status rename_at_home(netlink::Link& link, const model::Device& device);
  [[nodiscard]] Status restore(const netlink::Link& link, const model::Origin& origin);
  [[nodiscard]] Status keep(const model::Space& space, const model::Device& device);

  [[nodiscard]] Result<netlink::Socket*> host() { return kernel_.route(); }

  host::Kernel& kernel_;
  store::Store& store_;
  const model::Settings& settings_;
  std::vector<std::string>& said_;
  std::vector<IfName> uplinks_;
};

}  // namespace warren::device
