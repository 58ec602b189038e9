// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.28;

/// @title A governor for tests: the faces of OpenZeppelin's Governor and its votes that the command
/// line reads, and nothing behind them but counters. It is its own votes token.
contract Governor {
    event ProposalCreated(
        uint256 proposalId,
        address proposer,
        address[] targets,
        uint256[] values,
        string[] signatures,
        bytes[] calldatas,
        uint256 voteStart,
        uint256 voteEnd,
        string description
    );

    struct Ballot {
        uint256 against;
        uint256 inFavour;
        uint256 abstaining;
        uint256 end;
    }

    mapping(address account => address) public delegates;
    mapping(address account => uint256) public getVotes;
    mapping(uint256 proposal => Ballot) private ballots;
    mapping(uint256 proposal => mapping(address account => bool)) public hasVoted;

    function token() external view returns (address) {
        return address(this);
    }

    function delegate(address to) external {
        address before = delegates[msg.sender];
        if (before != address(0)) getVotes[before] -= 100;
        delegates[msg.sender] = to;
        getVotes[to] += 100;
    }

    function propose(string calldata description) external {
        uint256 id = uint256(keccak256(bytes(description)));
        uint256 end = block.number + 1_000_000;
        ballots[id].end = end;
        emit ProposalCreated(
            id,
            msg.sender,
            new address[](0),
            new uint256[](0),
            new string[](0),
            new bytes[](0),
            block.number,
            end,
            description
        );
    }

    function state(uint256 id) external view returns (uint8) {
        require(ballots[id].end != 0, "Governor: unknown proposal");
        return block.number > ballots[id].end ? 3 : 1;
    }

    function proposalVotes(uint256 id) external view returns (uint256, uint256, uint256) {
        Ballot memory one = ballots[id];
        return (one.against, one.inFavour, one.abstaining);
    }

    function castVote(uint256 id, uint8 support) external returns (uint256 weight) {
        require(ballots[id].end != 0, "Governor: unknown proposal");
        require(!hasVoted[id][msg.sender], "Governor: already voted");
        require(support < 3, "Governor: no such answer");
        hasVoted[id][msg.sender] = true;
        weight = getVotes[msg.sender];
        require(weight != 0, "Governor: no votes");
        if (support == 0) ballots[id].against += weight;
        else if (support == 1) ballots[id].inFavour += weight;
        else ballots[id].abstaining += weight;
    }
}
