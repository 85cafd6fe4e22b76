//! The bridge that this installation's containers are on: one, with traffic between containers off, as dynos on Heroku
//! cannot talk to each other either. A network per app would exhaust the engine's address pools at about thirty apps.

use std::{collections::HashMap, net::Ipv4Addr};

use bollard::{
    models::{Ipam, IpamConfig, NetworkCreateRequest},
    query_parameters::ListNetworksOptions,
};
use ports::RuntimeError;
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;

use crate::{
    connect::Engine,
    error::{found, refused, status},
    labels::{Instance, Kind},
    subnet::Subnet,
};

/// The network's id, once it is known.
#[derive(Default)]
pub(crate) struct Network(Mutex<Option<String>>);

/// How many subnets are tried before giving up.
const TRIES: u32 = 64;

impl Engine {
    /// The id of the network, which is made if it is not there (any more: an admin's prune removes unused ones). Whoever
    /// gets it can rely on the packet rules around it.
    pub(crate) async fn network(&self) -> Result<String, RuntimeError> {
        let mut known = self.network.0.lock().await;
        if let Some(id) = known.as_ref()
            && found(self.api.inspect_network(id, None).await)?.is_some()
        {
            if !self.wall.stands() {
                self.raise_wall(id).await?;
            }
            return Ok(id.clone());
        }
        let id = match self.find_network().await? {
            Some(id) => id,
            None => self.make_network().await?,
        };
        self.raise_wall(&id).await?;
        *known = Some(id.clone());
        Ok(id)
    }

    pub(crate) async fn find_network(&self) -> Result<Option<String>, RuntimeError> {
        let options = ListNetworksOptions { filters: Some(self.instance.filter(Kind::Network)) };
        let networks = self.api.list_networks(Some(options)).await.map_err(refused)?;
        Ok(networks.into_iter().find_map(|network| network.id))
    }

    async fn make_network(&self) -> Result<String, RuntimeError> {
        let taken = routes(&tokio::fs::read_to_string("/proc/net/route").await.unwrap_or_default());
        let mut last = None;
        for subnet in subnets(&self.instance).filter(|subnet| !taken.iter().any(|route| route.overlaps(*subnet))).take(TRIES as usize) {
            let request = NetworkCreateRequest {
                name: self.instance.network(),
                driver: Some("bridge".to_owned()),
                ipam: Some(Ipam { config: Some(vec![IpamConfig { subnet: Some(subnet.to_string()), ..Default::default() }]), ..Default::default() }),
                options: Some(HashMap::from([("com.docker.network.bridge.enable_icc".to_owned(), "false".to_owned())])),
                labels: Some(self.instance.labels(Kind::Network)),
                ..Default::default()
            };
            match self.api.create_network(request).await {
                Ok(network) => return Ok(network.id),
                // Made by another hand in between.
                Err(error) if status(&error) == Some(409) => {
                    if let Some(id) = self.find_network().await? {
                        return Ok(id);
                    }
                    return Err(refused(error));
                }
                Err(error) if error.to_string().to_lowercase().contains("overlap") => last = Some(error),
                Err(error) => return Err(refused(error)),
            }
        }
        Err(last.map_or_else(|| RuntimeError::Refused("no free subnet was found in 10.0.0.0/8".to_owned()), refused))
    }
}

/// Subnets of 1,022 addresses in 10.0.0.0/8, in an order of the instance's own, so that installations seldom meet.
fn subnets(instance: &Instance) -> impl Iterator<Item = Subnet> {
    const HOW_MANY: u32 = 1 << 14;
    let digest = Sha256::digest(instance.0.as_bytes());
    let start = u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]) % HOW_MANY;
    // Odd, so that every subnet is visited once.
    let step = u32::from(u16::from_be_bytes([digest[4], digest[5]])) | 1;
    (0..HOW_MANY).map(move |n| {
        let number = (start + n * step) % HOW_MANY;
        Subnet { first: Ipv4Addr::from_bits((10 << 24) | (number << 10)), prefix: 22 }
    })
}

/// The networks this machine has routes to (`/proc/net/route`), without the default route: the engine itself does not look
/// at them when a subnet is given, and a container network over the machine's own would cut it off.
fn routes(table: &str) -> Vec<Subnet> {
    let route = |line: &str| {
        let mut fields = line.split_whitespace().skip(1);
        let address = |text: &str| u32::from_str_radix(text, 16).ok().map(u32::swap_bytes);
        let first = address(fields.next()?)?;
        let mask = address(fields.nth(5)?)?;
        (mask != 0).then(|| Subnet { first: Ipv4Addr::from_bits(first & mask), prefix: mask.leading_ones() })
    };
    table.lines().skip(1).filter_map(route).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_subnet_is_tried_once_and_two_instances_begin_elsewhere() {
        let all: Vec<_> = subnets(&Instance("0a1b2c3d".into())).map(|subnet| subnet.to_string()).collect();
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), 1 << 14);
        assert!(all.iter().all(|subnet| subnet.starts_with("10.") && subnet.ends_with("/22")));
        assert_ne!(subnets(&Instance("0a1b2c3e".into())).next(), subnets(&Instance("0a1b2c3d".into())).next());
    }

    #[test]
    fn the_machines_own_networks_are_read_from_its_routes() {
        let table = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n\
                     eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n\
                     eth0\t0000100A\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n";
        let routes = routes(table);
        assert_eq!(routes, [Subnet { first: Ipv4Addr::new(10, 16, 0, 0), prefix: 16 }]);
        let inside = Subnet { first: Ipv4Addr::new(10, 16, 4, 0), prefix: 22 };
        let outside = Subnet { first: Ipv4Addr::new(10, 17, 0, 0), prefix: 22 };
        assert!(routes[0].overlaps(inside) && inside.overlaps(routes[0]) && !routes[0].overlaps(outside));
    }
}
