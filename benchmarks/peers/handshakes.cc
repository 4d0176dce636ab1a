// The handshakes of benchmarks.peers in ns-3: clients connect() to servers over point-to-point
// links, as lean as ns-3 can be arranged; nothing is traced.
//
//     handshakes CONNECTIONS CLIENTS SERVERS ROUTERS LOSS
//
// prints the established connections and the CPU seconds that Simulator::Run() took.

#include "ns3/core-module.h"
#include "ns3/internet-module.h"
#include "ns3/network-module.h"
#include "ns3/point-to-point-module.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <vector>

using namespace ns3;

static const double HALF_RTT = 0.020; // seconds
static const double RATE = 10000;     // connect() calls a second
static const uint16_t PORT = 80;

static uint32_t g_established = 0;
static std::vector<Ptr<Socket>> g_open;

static void
Established(Ptr<Socket>)
{
    ++g_established;
}

static void
Failed(Ptr<Socket>)
{
}

static void
Accepted(Ptr<Socket> socket, const Address&)
{
    g_open.push_back(socket);
}

static void
Connect(Ptr<Node> client, Ipv4Address server)
{
    Ptr<Socket> socket = Socket::CreateSocket(client, TcpSocketFactory::GetTypeId());
    socket->SetConnectCallback(MakeCallback(&Established), MakeCallback(&Failed));
    socket->Connect(InetSocketAddress(server, PORT));
    g_open.push_back(socket);
}

int
main(int argc, char** argv)
{
    if (argc != 6)
    {
        fprintf(stderr, "usage: %s CONNECTIONS CLIENTS SERVERS ROUTERS LOSS\n", argv[0]);
        return 2;
    }
    const uint32_t connections = atoi(argv[1]), clients = atoi(argv[2]), servers = atoi(argv[3]);
    const uint32_t routers = atoi(argv[4]);
    const double loss = atof(argv[5]);
    const double share = 1 - std::pow(1 - loss, 1.0 / (routers + 1));

    Config::SetDefault("ns3::TcpSocket::ConnTimeout", TimeValue(Seconds(1)));
    PointToPointHelper link;
    link.SetDeviceAttribute("DataRate", StringValue("1000Gbps"));
    link.SetChannelAttribute("Delay", TimeValue(Seconds(HALF_RTT / (routers + 1))));

    NodeContainer client;
    NodeContainer server;
    NodeContainer router;
    client.Create(clients);
    server.Create(servers);
    router.Create(routers);
    InternetStackHelper internet;
    internet.SetIpv6StackInstall(false);
    Ipv4StaticRoutingHelper direct;
    Ipv4GlobalRoutingHelper global;
    if (routers)
    {
        internet.SetRoutingHelper(global);
    }
    else
    {
        internet.SetRoutingHelper(direct);
    }
    internet.Install(client);
    internet.Install(server);
    internet.Install(router);

    Ipv4AddressHelper addresses("10.0.0.0", "255.255.255.252");
    auto join = [&](Ptr<Node> a, Ptr<Node> b) {
        NetDeviceContainer devices = link.Install(a, b);
        for (uint32_t end = 0; loss > 0 && end < 2; ++end)
        {
            Ptr<RateErrorModel> errors = CreateObject<RateErrorModel>();
            errors->SetUnit(RateErrorModel::ERROR_UNIT_PACKET);
            errors->SetRate(share);
            devices.Get(end)->SetAttribute("ReceiveErrorModel", PointerValue(errors));
        }
        Ipv4InterfaceContainer interfaces = addresses.Assign(devices);
        addresses.NewNetwork();
        return interfaces.GetAddress(1);
    };
    std::vector<Ipv4Address> target;
    if (routers)
    {
        for (uint32_t i = 0; i + 1 < routers; ++i)
        {
            join(router.Get(i), router.Get(i + 1));
        }
        for (uint32_t i = 0; i < clients; ++i)
        {
            join(client.Get(i), router.Get(0));
        }
        std::vector<Ipv4Address> own;
        for (uint32_t i = 0; i < servers; ++i)
        {
            own.push_back(join(router.Get(routers - 1), server.Get(i)));
        }
        for (uint32_t i = 0; i < std::max(clients, servers); ++i)
        {
            target.push_back(own[i % servers]);
        }
        Ipv4GlobalRoutingHelper::PopulateRoutingTables();
    }
    else
    {
        for (uint32_t i = 0; i < clients; ++i)
        {
            target.push_back(join(client.Get(i), server.Get(i % servers)));
        }
    }
    std::vector<Ptr<Socket>> listening;
    for (uint32_t i = 0; i < servers; ++i)
    {
        Ptr<Socket> socket = Socket::CreateSocket(server.Get(i), TcpSocketFactory::GetTypeId());
        socket->Bind(InetSocketAddress(Ipv4Address::GetAny(), PORT));
        socket->Listen();
        socket->SetAcceptCallback(MakeNullCallback<bool, Ptr<Socket>, const Address&>(),
                                  MakeCallback(&Accepted));
        listening.push_back(socket);
    }
    Ptr<ExponentialRandomVariable> gap = CreateObject<ExponentialRandomVariable>();
    gap->SetAttribute("Mean", DoubleValue(1 / RATE));
    double at = 0;
    for (uint32_t i = 0; i < connections; ++i)
    {
        at += gap->GetValue();
        Simulator::Schedule(Seconds(at),
                            &Connect,
                            client.Get(i % clients),
                            target[i % target.size()]);
    }
    const clock_t start = clock();
    Simulator::Run();
    printf("%u %f\n", g_established, double(clock() - start) / CLOCKS_PER_SEC);
    fflush(stdout);
    _Exit(0); // Tearing down takes longer than running.
}
