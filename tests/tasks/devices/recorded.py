"""Configurations as devices print them, written after the vendors' documentation, not taken from real devices."""

IOS = """\
Building configuration...

Current configuration : 1417 bytes
!
! Last configuration change at 09:12:33 UTC Mon Mar 2 2026 by ops
version 15.7
hostname edge1
!
banner motd ^C
interface of strangers: keep out
^C
!
interface GigabitEthernet0/0
 ip address 192.0.2.1 255.255.255.0
 ip access-group MGMT in
 duplex auto
!
interface GigabitEthernet0/1
 description to the nodes
 ip address 10.77.0.1 255.255.0.0
 ip access-group MOOR-REGISTRY in
!
ip access-list extended MGMT
 permit tcp 198.51.100.0 0.0.0.255 any eq 22
ip access-list extended MOOR-REGISTRY
 remark do not touch
 permit tcp 10.77.0.0 0.0.255.255 host 10.88.0.11 eq 443
 deny   tcp any host 10.88.0.11 eq 443
 permit ip any any
!
line vty 0 4
 login local
!
end
"""

XR = """\
Mon Mar  2 09:20:01.123 UTC
Building configuration...
!! IOS XR Configuration 7.5.2
!! Last configuration change at Mon Mar  2 09:12:33 2026 by ops
!
hostname edge1
banner motd ^C
interface of strangers: keep out
^C
ipv4 access-list MGMT
 10 permit tcp 198.51.100.0 0.0.0.255 any eq ssh
!
ipv4 access-list MOOR-REGISTRY
 5 remark do not touch
 10 permit tcp 10.77.0.0 0.0.255.255 host 10.88.0.11 eq https
 20 deny tcp any host 10.88.0.11 eq https
 30 permit ipv4 any any
!
interface GigabitEthernet0/0/0/0
 ipv4 address 192.0.2.1 255.255.255.0
 ipv4 access-group MGMT ingress hardware-count
!
interface GigabitEthernet0/0/0/1
 description to the nodes
 ipv4 address 10.77.0.1 255.255.0.0
 ipv4 access-group MOOR-REGISTRY ingress
!
end
"""

NXOS = """\

!Command: show running-config
!Running configuration last done at: Mon Mar  2 09:12:33 2026
!Time: Mon Mar  2 09:20:01 2026

version 9.3(5) Bios:version 05.39
hostname edge1
ip access-list MOOR-REGISTRY
  statistics per-entry
  10 permit tcp 10.77.0.0/16 10.88.0.11/32 eq 443
  20 deny tcp any 10.88.0.11/32 eq 443
  30 permit ip any any

interface Ethernet1/1
  no switchport
  ip access-group MOOR-REGISTRY in
  ip address 10.77.0.1/16

interface mgmt0
  vrf member management
"""

EOS = """\
! Command: show running-config
! device: edge1 (DCS-7050SX3, EOS-4.31.2F)
!
hostname edge1
!
interface Ethernet1
   no switchport
   ip address 10.77.0.1/16
   ip access-group MOOR-REGISTRY in
!
interface Management1
!
ip access-list MOOR-REGISTRY
   counters per-entry
   10 permit tcp 10.77.0.0/16 host 10.88.0.11 eq https
   20 deny tcp any host 10.88.0.11 eq https
   30 permit ip any any
!
end
"""

JUNOS = """\
set version 23.4R1.10
set system host-name edge1
set interfaces ge-0/0/0 unit 0 family inet filter input PROTECT
set interfaces ge-0/0/0 unit 0 family inet address 192.0.2.1/24
set interfaces ge-0/0/1 unit 0 family inet filter input MOOR-REGISTRY
set interfaces ge-0/0/1 unit 0 family inet address 10.77.0.1/16
set firewall family inet filter PROTECT term all then accept
set firewall family inet filter MOOR-REGISTRY term members from source-address 10.77.0.0/16
set firewall family inet filter MOOR-REGISTRY term members from destination-address 10.88.0.11/32
set firewall family inet filter MOOR-REGISTRY term members from protocol tcp
set firewall family inet filter MOOR-REGISTRY term members from destination-port 443
set firewall family inet filter MOOR-REGISTRY term members then accept
set firewall family inet filter MOOR-REGISTRY term others from destination-address 10.88.0.11/32
set firewall family inet filter MOOR-REGISTRY term others from protocol tcp
set firewall family inet filter MOOR-REGISTRY term others from destination-port 443
set firewall family inet filter MOOR-REGISTRY term others then discard
set firewall family inet filter MOOR-REGISTRY term rest then accept
"""

VYOS = """\
set firewall ipv4 forward filter rule 5 action 'accept'
set firewall ipv4 forward filter rule 5 state 'established'
set firewall ipv4 forward filter rule 10 action 'jump'
set firewall ipv4 forward filter rule 10 inbound-interface name 'eth1'
set firewall ipv4 forward filter rule 10 jump-target 'MOOR-REGISTRY'
set firewall ipv4 name MOOR-REGISTRY default-action 'return'
set firewall ipv4 name MOOR-REGISTRY rule 10 action 'accept'
set firewall ipv4 name MOOR-REGISTRY rule 10 destination address '10.88.0.11'
set firewall ipv4 name MOOR-REGISTRY rule 10 destination port '443'
set firewall ipv4 name MOOR-REGISTRY rule 10 protocol 'tcp'
set firewall ipv4 name MOOR-REGISTRY rule 10 source address '10.77.0.0/16'
set firewall ipv4 name MOOR-REGISTRY rule 20 action 'drop'
set firewall ipv4 name MOOR-REGISTRY rule 20 destination address '10.88.0.11'
set firewall ipv4 name MOOR-REGISTRY rule 20 destination port '443'
set firewall ipv4 name MOOR-REGISTRY rule 20 protocol 'tcp'
set interfaces ethernet eth0 address '192.0.2.1/24'
set interfaces ethernet eth1 address '10.77.0.1/16'
set interfaces ethernet eth1 vif 20 address '10.78.0.1/16'
"""

VYOS_BOOT = """\
firewall {
    ipv4 {
        forward {
            filter {
                rule 5 {
                    action "accept"
                    state "established"
                }
                rule 10 {
                    action "jump"
                    inbound-interface {
                        name "eth1"
                    }
                    jump-target "MOOR-REGISTRY"
                }
            }
        }
        name MOOR-REGISTRY {
            default-action "return"
            rule 10 {
                action "accept"
                destination {
                    address "10.88.0.11"
                    port "443"
                }
                protocol "tcp"
                source {
                    address "10.77.0.0/16"
                }
            }
            rule 20 {
                action "drop"
                destination {
                    address "10.88.0.11"
                    port "443"
                }
                protocol "tcp"
            }
        }
    }
}
interfaces {
    ethernet eth0 {
        address "192.0.2.1/24"
    }
}

// Warning: Do not remove the following line.
// vyos-config-version: "bgp@5:broadcast-relay@1"
"""
