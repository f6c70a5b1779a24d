namespace ChainOfSpot.Runtime.Threads;

/// <summary>Work that a <see cref="ThreadTeam"/> shares out by index.</summary>
public interface ITeamJob
{
    /// <summary>Does part <paramref name="index"/>; <paramref name="thread"/> says whose scratch memory to use.</summary>
    void Run(int index, int thread);
}
